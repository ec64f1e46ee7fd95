import { AuditService } from '../audit/audit.service.js';
import { UsersService } from '../users/users.service.js';
import { formats } from '../http/schema-formats.js';
import { runScript, withServices } from './with-services.js';

const USAGE = 'usage: npm run events [-- ADDRESS | USER_ID]';

/** The audit trail as JSON lines, oldest first: all of it, or of one user. A user who is gone still has an id. */
await runScript(async ([user, ...rest]) => {
  const isAddress = user?.includes('@') === true;
  if (rest.length > 0 || (user !== undefined && !isAddress && !formats.uuid.test(user))) throw new Error(USAGE);
  await withServices(async (services) => {
    const userId = isAddress ? await services.get(UsersService, { strict: false }).idOf(user) : user;
    for await (const record of services.get(AuditService, { strict: false }).listEvents(userId)) {
      process.stdout.write(`${JSON.stringify(record)}\n`);
    }
  });
});
