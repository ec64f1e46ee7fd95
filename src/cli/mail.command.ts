import { type Command, InvalidArgumentError } from 'commander';
import { EMAIL_ADDRESS } from '../config/email-address.js';
import type { TerminationSignals } from '../config/termination-signals.js';

const NEEDS = 'Needs the embedded database, and no SMTP_URL: elsewhere mail goes to the mail server.';

export function addMailCommand(program: Command, termination: TerminationSignals): void {
  const mail = program
    .command('mail')
    .usage('test ADDRESS | list | show [NAME]')
    .summary('send a mail to try the mail server, or print mail that went to files')
    .description('Tries the mail server, or prints the mail of a service that has none. Needs the settings alone.')
    .helpCommand(false);
  mail
    .command('test')
    .usage('ADDRESS')
    .summary('send a mail now')
    .description(
      'Sends a mail now and prints what the mail server has answered, or the file that it was written to. Needs SMTP_URL and MAIL_FROM, or the embedded database.',
    )
    .argument('<ADDRESS>', 'email address of the recipient', parseRecipient)
    .allowUnknownOption()
    .action(async (address: string) => (await import('./mail.action.js')).runMailTest(termination, address));
  mail
    .command('list')
    .summary('print a line for each mail of the last day')
    .description(
      `Prints a line for each mail of the last day, newest first: name, recipient and subject, separated by tabs. ${NEEDS}`,
    )
    .action(async () => (await import('./mail.action.js')).runMailList());
  mail
    .command('show')
    .usage('[NAME]')
    .summary('print a mail with its links')
    .description(`Prints recipient, subject and text of a mail. ${NEEDS}`)
    .argument('[NAME]', 'the mail, as `mail list` prints it; without it the last one')
    .action(async (name: string | undefined) => (await import('./mail.action.js')).runMailShow(name));
}

function parseRecipient(text: string): string {
  if (!EMAIL_ADDRESS.test(text)) throw new InvalidArgumentError('is not an email address');
  return text;
}
