import type { TerminationSignals } from '../config/termination-signals.js';
import { withServices } from './command-database.js';

const METHODS = {
  disable: 'disableUser',
  enable: 'enableUser',
  unlock: 'unlockUser',
  delete: 'deleteUser',
} as const;

export type UserChange = keyof typeof METHODS;

/** One line a user: id, address, time of registration, state. */
export async function runUsersList(termination: TerminationSignals): Promise<void> {
  await withServices(termination, async (services) => {
    const { UsersService } = await import('../users/users.service.js');
    const users = services.get(UsersService, { strict: false });
    for await (const { id, email, createdAt, disabledAt } of users.listUsers()) {
      process.stdout.write(`${[id, email, createdAt.toISOString(), disabledAt ? 'disabled' : 'enabled'].join('\t')}\n`);
    }
  });
}

/** @throws Problem `user_not_found`. */
export async function runUsersChange(
  termination: TerminationSignals,
  change: UserChange,
  email: string,
): Promise<void> {
  await withServices(termination, async (services) => {
    const { UserAdministrationService } = await import('../users/user-administration.service.js');
    await services.get(UserAdministrationService, { strict: false })[METHODS[change]](email);
  });
}
