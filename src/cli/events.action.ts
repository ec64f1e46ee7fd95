import type { TerminationSignals } from '../config/termination-signals.js';
import { withServices } from './command-database.js';

/** The audit trail as JSON lines, oldest first: all of it, or of one user, by address or id. */
export async function runEvents(termination: TerminationSignals, user: string | undefined): Promise<void> {
  await withServices(termination, async (services) => {
    const [{ AuditService }, { UsersService }] = await Promise.all([
      import('../audit/audit.service.js'),
      import('../users/users.service.js'),
    ]);
    const isAddress = user?.includes('@') === true;
    const userId = isAddress ? await services.get(UsersService, { strict: false }).getUserIdByEmail(user) : user;
    for await (const record of services.get(AuditService, { strict: false }).listEvents(userId)) {
      process.stdout.write(`${JSON.stringify(record)}\n`);
    }
  });
}
