import { type Config } from '../config/config.js';
import type { Language } from '../config/languages.js';
import type { MailMessage } from './mail-message.js';
import type { ClaimedMail } from './mails.repository.js';
import { CATALOGUES, renderMail } from './render-mail.js';
import type { DeviceFamily } from './device-family.js';

/** The mail, with its link if it has one. */
export function mailTextOf(
  { id, template, recipient, language, details, createdAt, token }: ClaimedMail,
  { serviceName }: Pick<Config, 'serviceName'>,
  link: string,
): MailMessage {
  const values = {
    service: serviceName,
    link,
    until: token === null ? '' : timeText(new Date(token.expiresAt), language),
    time: timeText(createdAt, language),
    device: deviceText(details, language),
  };
  return { id, to: recipient, ...renderMail(template, language, values) };
}

/** In UTC, whatever the time zone of the process. */
function timeText(time: Date, language: Language): string {
  const format = { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' } as const;
  // The same digits and order in English wherever the process runs.
  return `${new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, format).format(time)} UTC`;
}

function deviceText({ browser, system }: DeviceFamily, language: Language): string {
  const { unknownDevice, on } = CATALOGUES[language];
  if (browser === undefined || system === undefined) return browser ?? system ?? unknownDevice;
  return `${browser} ${on} ${system}`;
}
