import { AccountsService } from '../users/accounts.service.js';
import { UsersService } from '../users/users.service.js';
import { runScript, withServices } from './with-services.js';

const USAGE = 'usage: npm run users -- list | disable ADDRESS | enable ADDRESS | unlock ADDRESS | delete ADDRESS';
const CHANGES = ['disable', 'enable', 'unlock', 'delete'] as const;

/** What an operator does to users. */
await runScript(async ([action, email, ...rest]) => {
  const change = CHANGES.find((candidate) => candidate === action);
  if (rest.length > 0 || (change === undefined ? action !== 'list' || email : !email)) throw new Error(USAGE);
  await withServices(async (services) => {
    if (change === undefined || email === undefined) await list(services.get(UsersService, { strict: false }));
    else await services.get(AccountsService, { strict: false })[change](email);
  });
});

async function list(users: UsersService): Promise<void> {
  for await (const { id, email, createdAt, disabledAt } of users.list()) {
    process.stdout.write(`${[id, email, createdAt.toISOString(), disabledAt ? 'disabled' : 'enabled'].join('\t')}\n`);
  }
}
