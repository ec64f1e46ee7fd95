import { createApp } from './app.js';
import { readSettings } from './config/read-settings.js';
import { provideDatabase } from './database/provide-database.js';
import { bringSchemaUpToDate } from './database/schema-version.js';
import { Problem } from './problems/problem.js';
import { AccountsService } from './users/accounts.service.js';
import { UsersService } from './users/users.service.js';

const USAGE = 'usage: npm run users -- list | disable ADDRESS | enable ADDRESS | delete ADDRESS';
const CHANGES = ['disable', 'enable', 'delete'] as const;

/** What an operator does to users, through the services, with the API running or not. */
async function main([action, email, ...rest]: readonly string[]): Promise<void> {
  const change = CHANGES.find((candidate) => candidate === action);
  if (rest.length > 0 || (change === undefined ? action !== 'list' || email : !email)) throw new Error(USAGE);
  const database = await provideDatabase(readSettings(), 'script');
  try {
    await bringSchemaUpToDate(database.config, { migrate: false });
    const app = await createApp({ ...database.config, metricsPort: undefined });
    try {
      if (change === undefined || email === undefined) await list(app.get(UsersService, { strict: false }));
      else await app.get(AccountsService, { strict: false })[change](email);
    } finally {
      await app.close();
    }
  } finally {
    await database.stop();
  }
}

async function list(users: UsersService): Promise<void> {
  for await (const { id, email, createdAt, disabledAt } of users.list()) {
    process.stdout.write(`${[id, email, createdAt.toISOString(), disabledAt ? 'disabled' : 'enabled'].join('\t')}\n`);
  }
}

// Whoever reads the list may have seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

try {
  await main(process.argv.slice(2));
} catch (error) {
  const message = error instanceof Problem ? error.detail : error instanceof Error ? error.message : String(error);
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
