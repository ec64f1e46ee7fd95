import type { Transporter } from 'nodemailer';
import type { SmtpServer } from '../config/smtp-url.js';
import { mailErrorOf } from './mail-error.js';
import { mailOptionsOf, type MailMessage, type MailSender } from './mail-message.js';
import type { MailTransport } from './mail-transport.js';

/** In milliseconds. */
export interface SmtpTimeouts {
  readonly dnsTimeout: number;
  readonly connectionTimeout: number;
  readonly greetingTimeout: number;
  /** Without a byte from the server. */
  readonly socketTimeout: number;
}

/** Those of nodemailer are minutes. */
const TIMEOUTS: SmtpTimeouts = {
  dnsTimeout: 5000,
  connectionTimeout: 10_000,
  greetingTimeout: 10_000,
  socketTimeout: 60_000,
};
/** Of one mail, from its hand-over to the pool. A server that scans mail takes long to accept it. */
export const MAX_SENDING_MS = 120_000;
/** More mails than these at once wait in the pool, while their time runs. */
export const MAX_CONNECTIONS = 4;

/** Hands mail to a server over a few connections, which it keeps. nodemailer is loaded for the first mail. */
export class SmtpTransport implements MailTransport {
  #transporter: Promise<Transporter> | undefined;

  constructor(
    private readonly server: SmtpServer,
    private readonly sender: MailSender,
    private readonly timeouts = TIMEOUTS,
  ) {}

  async sendMail(message: MailMessage): Promise<string> {
    const { host, port } = this.server;
    const place = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    try {
      const transporter = await (this.#transporter ??= this.#open());
      const signal = AbortSignal.timeout(MAX_SENDING_MS);
      const { response } = (await transporter.sendMail({ ...mailOptionsOf(message, this.sender), signal })) as {
        response: string;
      };
      return `The mail server ${place} has accepted it: ${response}`;
    } catch (error) {
      throw mailErrorOf(error, place);
    }
  }

  close(): void {
    this.#transporter?.then((transporter) => transporter.close({ force: true })).catch(() => undefined);
  }

  async #open(): Promise<Transporter> {
    const { createTransport } = await import('nodemailer');
    const { host, port, tls, login } = this.server;
    return createTransport({
      ...this.timeouts,
      host,
      port,
      pool: true,
      maxConnections: MAX_CONNECTIONS,
      maxRequeues: 0,
      secure: tls === 'implicit',
      requireTLS: tls === 'STARTTLS',
      ignoreTLS: tls === 'none',
      // A server that offers no login does not get the mail without it.
      ...(login !== undefined && { auth: { user: login.user, pass: login.password }, forceAuth: true }),
    });
  }
}
