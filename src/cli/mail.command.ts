import { type Command, InvalidArgumentError } from 'commander';
import { EMAIL_ADDRESS } from '../config/email-address.js';
import type { TerminationSignals } from '../config/termination-signals.js';

const NEEDS = 'Needs the embedded database, and no SMTP_URL: elsewhere mail goes to the mail server.';

export function addMailCommand(program: Command, termination: TerminationSignals): void {
  const mail = program
    .command('mail')
    .usage('test ADDRESS | list [ADDRESS] | show [NAME]')
    .summary('send a mail to try the mail server, or print what became of mail')
    .description(
      'Tries the mail server, lists mail, or prints the mail of a service that has no mail server. Each says what it needs.',
    )
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
    .usage('[ADDRESS]')
    .summary('print a line for each mail of the last day')
    .description(
      'Prints a line for each mail of the last day, newest first. With a mail server, time, recipient, kind, what became of it (waiting, sent, failed or outdated), attempts, and why it failed, separated by tabs; needs the database and its MASTER_SECRET. Without one, name, recipient and subject of each file; needs the embedded database.',
    )
    .argument('[ADDRESS]', 'only mail to this address, in any case', parseRecipient)
    .allowUnknownOption()
    .action(async (address: string | undefined) =>
      (await import('./mail.action.js')).runMailList(termination, address),
    );
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
