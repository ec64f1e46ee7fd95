import { type Command, InvalidArgumentError } from 'commander';
import type { TerminationSignals } from '../config/termination-signals.js';
import { formats } from '../http/schema-formats.js';

export function addEventsCommand(program: Command, termination: TerminationSignals): void {
  program
    .command('events')
    .usage('[ADDRESS | USER_ID]')
    .summary('print the audit trail')
    .description(
      'Prints the audit trail as JSON lines, oldest first: all of it, or that of one user. ' +
        'Works beside the running service. Needs a migrated database and its MASTER_SECRET.',
    )
    .argument('[USER]', 'email address of a user, or the id; a deleted user is known by the id alone', parseUser)
    // An address may begin with a hyphen.
    .allowUnknownOption()
    .action(async (user: string | undefined) => (await import('./events.action.js')).runEvents(termination, user));
}

function parseUser(text: string): string {
  if (!text.includes('@') && !formats.uuid.test(text)) {
    throw new InvalidArgumentError('is neither an email address nor a user id, a UUID');
  }
  return text;
}
