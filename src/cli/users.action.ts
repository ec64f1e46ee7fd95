import type { TerminationSignals } from '../config/termination-signals.js';
import { withServices } from './command-database.js';

const METHODS = {
  disable: 'disableUser',
  enable: 'enableUser',
  unlock: 'unlockUser',
  delete: 'deleteUser',
} as const;

export type UserChange = keyof typeof METHODS;
export type RoleChange = 'grant' | 'ungrant';

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

/** @throws Problem `user_not_found`, or `validation_failed` for a role that cannot be. */
export async function runRoleChange(
  termination: TerminationSignals,
  change: RoleChange,
  email: string,
  role: string,
): Promise<void> {
  await withServices(termination, async (services) => {
    const { UsersService } = await import('../users/users.service.js');
    const { UserRolesService } = await import('../users/user-roles.service.js');
    const userId = await services.get(UsersService, { strict: false }).getUserIdByEmail(email);
    const roles = services.get(UserRolesService, { strict: false });
    await (change === 'grant' ? roles.grantRole(userId, role) : roles.ungrantRole(userId, role));
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
