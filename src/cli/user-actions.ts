import type { TerminationSignals } from '../config/termination-signals.js';
import { UserAdministrationService } from '../users/user-administration.service.js';
import { UsersService } from '../users/users.service.js';
import type { UserChange } from './users.command.js';
import { withServices } from './with-services.js';

/** One line a user: id, address, time of registration, state. */
export async function listUsers(termination: TerminationSignals): Promise<void> {
  await withServices(termination, async (services) => {
    for await (const { id, email, createdAt, disabledAt } of services
      .get(UsersService, { strict: false })
      .listUsers()) {
      process.stdout.write(`${[id, email, createdAt.toISOString(), disabledAt ? 'disabled' : 'enabled'].join('\t')}\n`);
    }
  });
}

/** @throws Problem `user_not_found`. */
export async function changeUser(termination: TerminationSignals, change: UserChange, email: string): Promise<void> {
  await withServices(termination, (services) =>
    services.get(UserAdministrationService, { strict: false })[`${change}User`](email),
  );
}
