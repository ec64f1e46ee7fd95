import type { TerminationSignals } from '../config/termination-signals.js';
import { EMAIL_ADDRESS } from '../config/email-address.js';
import { MAX_STORED_JSON_DEPTH, storedJsonFlaw, type StoredJson } from '../users/stored-json.js';
import { userNotFound } from '../users/users.problems.js';
import { findJsonFlaw } from '../verifier/json-flaws.js';
import { withServices } from './command-database.js';

const METHODS = {
  disable: 'disableUser',
  enable: 'enableUser',
  unlock: 'unlockUser',
  delete: 'deleteUser',
} as const;

/** Beyond those that JSON escapes: C1, line ends, and the characters that hide or turn others on a terminal. */
const CONTROLS = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

export type UserCommand = keyof typeof METHODS | 'verify';
export type RoleCommand = 'grant' | 'ungrant';
export type LinkCommand = 'invite' | 'reset';

/** One line a user: id, address, time of registration, state. */
export async function runUsersList(termination: TerminationSignals): Promise<void> {
  await withServices(termination, async (services) => {
    const { UsersService } = await import('../users/users.service.js');
    const users = services.get(UsersService, { strict: false });
    for await (const { id, email, createdAt, state } of users.listUsers()) {
      process.stdout.write(`${[id, email, createdAt.toISOString(), state].join('\t')}\n`);
    }
  });
}

/** The user as JSON. Control characters of the profile, which users write, are escaped: a terminal would obey them. */
export async function runUsersShow(termination: TerminationSignals, email: string): Promise<void> {
  await withServices(termination, async (services) => {
    const { Users } = await import('../users/users.js');
    const { UsersService } = await import('../users/users.service.js');
    const user = await services.get(Users, { strict: false }).find({ email });
    if (user === null) throw userNotFound();
    const state = await services.get(UsersService, { strict: false }).getLoginState(user.id);
    process.stdout.write(`${escapeControls(JSON.stringify({ ...user, state }, null, 2))}\n`);
  });
}

/** @throws {Error} for what cannot be the data; Problem `user_not_found`. */
export async function runSetAppData(termination: TerminationSignals, email: string, json: string): Promise<void> {
  const appData = parseAppData(json);
  await withServices(termination, async (services) => {
    const { UsersService } = await import('../users/users.service.js');
    const { AppDataService } = await import('../users/app-data.service.js');
    const userId = await services.get(UsersService, { strict: false }).getUserIdByEmail(email);
    await services.get(AppDataService, { strict: false }).replaceAppData(userId, appData, 'operator');
  });
}

function parseAppData(json: string): StoredJson {
  const flaw = findJsonFlaw(json, MAX_STORED_JSON_DEPTH);
  if (flaw !== undefined) throw new Error(`The data are no usable JSON, and were not written. ${flaw}`);
  const value = parsed(json);
  const unfit = storedJsonFlaw(value as StoredJson);
  if (unfit !== undefined) throw new Error(`The data were not written: they ${unfit.replace(/^M/, 'm')}`);
  return value as StoredJson;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new Error('The data are no JSON, and were not written. In a shell, put them in quotes: \'{"plan":"pro"}\'');
  }
}

function escapeControls(json: string): string {
  return json.replace(CONTROLS, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** @throws Problem `user_not_found`, or `validation_failed` for a role that cannot be. */
export async function runRoleCommand(
  termination: TerminationSignals,
  change: RoleCommand,
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
  change: UserCommand,
  email: string,
): Promise<void> {
  await withServices(termination, async (services) => {
    if (change === 'verify') {
      const { AccountAdministrationService } = await import('../account/account-administration.service.js');
      return services.get(AccountAdministrationService, { strict: false }).verifyEmail(email);
    }
    const { UserAdministrationService } = await import('../users/user-administration.service.js');
    await services.get(UserAdministrationService, { strict: false })[METHODS[change]](email);
  });
}

/** Prints the link where there is no mail. @throws Problem `email_taken` or `user_not_found`. */
export async function runLinkCommand(
  termination: TerminationSignals,
  command: LinkCommand,
  email: string,
): Promise<void> {
  if (!EMAIL_ADDRESS.test(email)) throw new Error('The address is no email address that can register.');
  await withServices(termination, async (services) => {
    const { AccountAdministrationService } = await import('../account/account-administration.service.js');
    const { InvitationsService } = await import('../account/invitations.service.js');
    const link =
      command === 'invite'
        ? await services.get(InvitationsService, { strict: false }).inviteUser(email)
        : await services.get(AccountAdministrationService, { strict: false }).resetPassword(email);
    process.stdout.write(`${link ?? 'The running service sends the mail.'}\n`);
  });
}
