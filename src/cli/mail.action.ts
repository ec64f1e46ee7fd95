import crypto from 'node:crypto';
import { existsSync } from 'node:fs';
import { onceAborted } from '../config/abort-signals.js';
import { embeddedDatabaseMissing, operatorCommand } from '../config/operator-commands.js';
import { readSettings } from '../config/read-settings.js';
import type { Settings } from '../config/config.js';
import type { TerminationSignals } from '../config/termination-signals.js';
import { MailError } from '../mail/mail-error.js';
import { readWrittenMail, type WrittenMail } from '../mail/mail-files.js';
import { openMailTransport } from '../mail/open-mail-transport.js';
import { renderMail, requireKnownNames } from '../mail/render-mail.js';
import { withServices } from './command-database.js';
import { endCommand } from './end-command.js';

const CONTROL = /\p{Cc}/gu;
/** All but line breaks and tabs. */
const TEXT = /[^\P{Cc}\n\t]/gu;

/** Without characters that a terminal would obey, or that would break a line. */
function plain(text: string, removed = CONTROL): string {
  return text.replaceAll(removed, ' ');
}

/** @throws {Error} where there is no mail, or it was not accepted. */
export async function runMailTest(termination: TerminationSignals, address: string): Promise<void> {
  const settings = readSettings('migrate');
  const transport = openMailTransport(settings);
  if (transport === undefined) {
    throw new Error('There is no mail server: set SMTP_URL and MAIL_FROM. Only the embedded database goes without.');
  }
  if (settings.smtpUrl === undefined) requireDataDir(settings);
  onceAborted(termination.requested, () => void endCommand(termination.reason?.exitCode ?? 1));
  const { serviceName, defaultLanguage } = settings;
  requireKnownNames();
  try {
    const mail = renderMail('test', defaultLanguage, { service: serviceName });
    const outcome = await transport.sendMail({ id: crypto.randomUUIDv7(), to: address, ...mail });
    process.stdout.write(`${plain(outcome)}\n`);
  } catch (error) {
    if (!(error instanceof MailError) || error.reply === undefined) throw error;
    throw new Error(`${error.message}: ${error.reply}`, { cause: error });
  } finally {
    transport.close();
  }
}

/** One line a mail: name, recipient and subject of a file; with a mail server what became of it. */
export async function runMailList(termination: TerminationSignals, address: string | undefined): Promise<void> {
  const settings = readSettings('migrate');
  if (settings.smtpUrl !== undefined) return listQueuedMail(termination, address);
  for await (const { name, to, subject } of writtenMail(settings)) {
    if (address === undefined || to.toLowerCase() === address.toLowerCase()) printFields(name, to, subject);
  }
}

async function listQueuedMail(termination: TerminationSignals, address: string | undefined): Promise<void> {
  await withServices(termination, async (services) => {
    const { MailService } = await import('../mail/mail.service.js');
    const mails = services.get(MailService, { strict: false }).listMails(address);
    for await (const { createdAt, recipient, template, outcome, attempts, failure } of mails) {
      const tried = `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
      printFields(createdAt.toISOString(), recipient, template, outcome ?? 'waiting', tried, failure ?? '-');
    }
  });
}

function printFields(...fields: readonly string[]): void {
  process.stdout.write(`${fields.map((field) => plain(field)).join('\t')}\n`);
}

/** @throws {Error} where there is no such mail. */
export async function runMailShow(name: string | undefined): Promise<void> {
  for await (const mail of writtenMail(readSettings('migrate'))) {
    if (name !== undefined && mail.name !== name) continue;
    process.stdout.write(
      `To: ${plain(mail.to)}\nSubject: ${plain(mail.subject)}\n\n${plain(mail.text.trimEnd(), TEXT)}\n`,
    );
    return;
  }
  throw new Error(
    name === undefined
      ? 'There is no mail of the last day.'
      : `There is no mail ${name}, or it is older than a day. \`${operatorCommand('mail', 'list')}\` lists what there is.`,
  );
}

function writtenMail(settings: Settings): AsyncGenerator<WrittenMail> {
  if (settings.smtpUrl !== undefined) {
    throw new Error(
      `SMTP_URL is set: mail goes to the mail server, not to files. \`${operatorCommand('mail', 'list')}\` says what became of it.`,
    );
  }
  if (settings.databaseUrl !== undefined) throw new Error('DATABASE_URL is set: without SMTP_URL there is no mail.');
  requireDataDir(settings);
  return readWrittenMail(settings.dataDir);
}

function requireDataDir({ dataDir }: Settings): void {
  if (!existsSync(dataDir)) throw embeddedDatabaseMissing(dataDir);
}
