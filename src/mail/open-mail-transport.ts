import { isMailOn, type DatabaseConfig, type Settings } from '../config/config.js';
import { parseSmtpUrl } from '../config/smtp-url.js';
import { FileTransport } from './file-transport.js';
import { mailSenderOf } from './mail-message.js';
import type { MailTransport } from './mail-transport.js';
import { SmtpTransport } from './smtp-transport.js';

/** To the server of `SMTP_URL`, or into files beside the embedded database; undefined where neither is there. */
export function openMailTransport(settings: Settings & Pick<DatabaseConfig, 'isEmbedded'>): MailTransport | undefined {
  const { smtpUrl, dataDir } = settings;
  if (smtpUrl !== undefined) return new SmtpTransport(parseSmtpUrl(smtpUrl), mailSenderOf(settings));
  return isMailOn(settings) ? new FileTransport(dataDir, mailSenderOf(settings)) : undefined;
}
