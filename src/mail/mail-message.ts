import type { SendMailOptions } from 'nodemailer';
import type { Settings } from '../config/config.js';

/** A mail to one recipient. */
export interface MailMessage {
  /** A UUID. By the `Message-ID` (RFC 5322 section 3.6.4) that is made of it, copies which a broken connection has made are one mail. */
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html?: string;
}

/** Whom mail comes from. */
export interface MailSender {
  readonly name: string;
  readonly address: string;
  /** The right side of each `Message-ID`. */
  readonly domain: string;
}

const ADDRESS_WITHOUT_SERVER = 'gatehouse@localhost';

export function mailSenderOf({ serviceName, mailFrom = ADDRESS_WITHOUT_SERVER }: Settings): MailSender {
  return { name: serviceName, address: mailFrom, domain: mailFrom.slice(mailFrom.lastIndexOf('@') + 1) };
}

/**
 * The mail for nodemailer. Addresses are given as objects: a text would be parsed as a list of recipients. RFC 3834 section 5:
 * no program answers it.
 */
export function mailOptionsOf({ id, to, subject, text, html }: MailMessage, sender: MailSender): SendMailOptions {
  return {
    from: { name: sender.name, address: sender.address },
    to: { name: '', address: to },
    subject,
    text,
    html,
    messageId: `<${id}@${sender.domain}>`,
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
