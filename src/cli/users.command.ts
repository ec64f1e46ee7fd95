import { type Command, InvalidArgumentError } from 'commander';
import type { TerminationSignals } from '../config/termination-signals.js';
import type { LinkCommand, RoleCommand, UserCommand } from './users.action.js';

const NEEDS = 'Works beside the running service. Needs a migrated database and its MASTER_SECRET.';

const ADDRESS = 'email address of the user, in any case';

const CHANGES = {
  disable: ['end the sessions of a user and refuse new ones', 'Ends the sessions of a user and refuses new ones.'],
  enable: ['let a disabled user log in again', 'Lets a disabled user log in again.'],
  unlock: [
    'forget the wrong passwords tried for a user',
    'Forgets the wrong passwords tried for a user (the limit `account`).',
  ],
  verify: ['mark the address of a user as verified', 'Marks the address of a user as verified, without a mail.'],
  delete: ['delete a user', 'Deletes a user and everything of theirs; the audit trail keeps the id.'],
} as const;

const LINKS = {
  invite: [
    'invite somebody',
    'Makes a user without a password, and mails a link with which to choose one. Inviting again ends earlier links.',
  ],
  reset: ['let a user set a new password', 'Mails a user a link with which to set a new password.'],
} as const;

const ROLE_CHANGES = {
  grant: [
    'give a user a role',
    'Gives a user a role, for example admin: a lower-case letter, then at most 31 lower-case letters, digits, hyphens and underscores. The access tokens of the user are refused within a second, and a refresh gets the next.',
  ],
  ungrant: [
    'take a role from a user',
    'Takes a role from a user. The access tokens of the user are refused within a second, and a refresh gets the next.',
  ],
} as const;

export function addUsersCommand(program: Command, termination: TerminationSignals): void {
  const users = program
    .command('users')
    .usage(
      'list | show ADDRESS | invite ADDRESS | reset ADDRESS | verify ADDRESS | disable ADDRESS | enable ADDRESS | unlock ADDRESS | delete ADDRESS | grant ADDRESS ROLE | ungrant ADDRESS ROLE | set-app-data ADDRESS JSON',
    )
    .summary('list, show, invite, help, disable or delete users, change roles and application data')
    .description(`What an operator does to users. ${NEEDS}`)
    .helpCommand(false);
  users
    .command('list')
    .summary('print all users')
    .description(
      `Prints a line for each user: id, address, time of registration and state, separated by tabs. The state is enabled, disabled, invited (no password yet) or no-password (after a change of address was undone). ${NEEDS}`,
    )
    .action(async () => (await import('./users.action.js')).runUsersList(termination));
  users
    .command('show')
    .usage('ADDRESS')
    .summary('print a user')
    .description(
      `Prints a user as JSON: id, email, emailVerified, roles, profile, appData (the data of the application), createdAt, disabledAt and state (as in the list). ${NEEDS}`,
    )
    .argument('<ADDRESS>', ADDRESS, parseAddress)
    .allowUnknownOption()
    .action(async (address: string) => (await import('./users.action.js')).runUsersShow(termination, address));
  users
    .command('set-app-data')
    .usage('ADDRESS JSON')
    .summary("replace the application's data of a user")
    .description(
      `Replaces the data that the application keeps with a user. The access tokens of the user are refused within a second, and a refresh gets the next: their claims may depend on the data. ${NEEDS}`,
    )
    .argument('<ADDRESS>', ADDRESS, parseAddress)
    .argument('<JSON>', 'a JSON object of at most 4096 bytes, nested at most 8 levels deep')
    .allowUnknownOption()
    .action(async (address: string, json: string) =>
      (await import('./users.action.js')).runSetAppData(termination, address, json),
    );
  for (const [change, [summary, description]] of Object.entries(LINKS)) {
    users
      .command(change)
      .usage('ADDRESS')
      .summary(summary)
      .description(`${description} Where there is no mail, prints the link, for you to hand out. ${NEEDS}`)
      .argument('<ADDRESS>', 'email address', parseAddress)
      .allowUnknownOption()
      .action(async (address: string) =>
        (await import('./users.action.js')).runLinkCommand(termination, change as LinkCommand, address),
      );
  }
  for (const [change, [summary, description]] of Object.entries(CHANGES)) {
    users
      .command(change)
      .usage('ADDRESS')
      .summary(summary)
      .description(`${description} ${NEEDS}`)
      .argument('<ADDRESS>', ADDRESS, parseAddress)
      // An address may begin with a hyphen.
      .allowUnknownOption()
      .action(async (address: string) =>
        (await import('./users.action.js')).runUsersChange(termination, change as UserCommand, address),
      );
  }
  for (const [change, [summary, description]] of Object.entries(ROLE_CHANGES)) {
    users
      .command(change)
      .usage('ADDRESS ROLE')
      .summary(summary)
      .description(`${description} ${NEEDS}`)
      .argument('<ADDRESS>', ADDRESS, parseAddress)
      .argument('<ROLE>', 'name of the role')
      .allowUnknownOption()
      .action(async (address: string, role: string) =>
        (await import('./users.action.js')).runRoleCommand(termination, change as RoleCommand, address, role),
      );
  }
}

function parseAddress(text: string): string {
  if (!text.includes('@')) throw new InvalidArgumentError('is not an email address');
  return text;
}
