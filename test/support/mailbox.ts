import { onTestFinished } from 'vitest';
import type { ApplicationOptions } from '../../src/app.js';
import type { Config } from '../../src/config/config.js';
import { BackgroundJobs } from '../../src/jobs/background-jobs.js';
import { MailDeliveryService } from '../../src/mail/mail-delivery.service.js';
import { startApp, type TestApp } from './app.js';
import { MailServer, type ReceivedMail } from './mail-server.js';
import { registerSecret } from './secret-detection.js';

/** A mail as its reader sees it. */
export interface Letter {
  readonly subject: string;
  readonly text: string;
  /** The whole link; empty without one. */
  readonly link: string;
  /** Of the link. */
  readonly token: string;
}

/** An application that sends its mail to a mail server of the test's own. */
export class MailboxApp {
  private constructor(
    readonly app: TestApp,
    readonly server: MailServer,
  ) {}

  static async start(
    options: ApplicationOptions & { changes?: Partial<Config>; databaseUrl?: string } = {},
    onFinished: (clean: () => Promise<void>) => void = onTestFinished,
  ): Promise<MailboxApp> {
    const server = await MailServer.start({ onRcptTo: refuseByName }, onFinished);
    const mail = { smtpUrl: `smtp://127.0.0.1:${server.port}`, mailFrom: 'accounts@example.com' };
    const app = await startApp({ ...options, changes: { ...mail, ...options.changes } }, onFinished);
    return new MailboxApp(app, server);
  }

  /** Does what waits: requests for mail, then mail. */
  async deliverMail(): Promise<void> {
    await this.app.nest.get(BackgroundJobs, { strict: false }).runJob('resolve mail requests');
    await this.app.nest.get(MailDeliveryService, { strict: false }).deliverDueMail();
  }

  /** All mails to this address, in any case, so far, the oldest first, after what waits is done. */
  async lettersTo(address: string): Promise<Letter[]> {
    await this.deliverMail();
    const isTo = (recipient: string): boolean => recipient.toLowerCase() === address.toLowerCase();
    const letters = this.server.received.filter(({ recipients }) => recipients.some(isTo));
    // Several connections deliver at the same time. The Message-ID is a UUID of version 7: in the order in which the mails were made.
    return letters.toSorted((a, b) => (idOf(a) < idOf(b) ? -1 : 1)).map(letterOf);
  }

  /** The newest mail to this address. */
  async newestLetter(address: string): Promise<Letter> {
    const letter = (await this.lettersTo(address)).at(-1);
    if (letter === undefined) throw new Error(`there is no mail to ${address}`);
    return letter;
  }
}

const idOf = ({ mail }: ReceivedMail): string => mail.messageId ?? '';

/** Addresses that begin so are refused for good, or for a while. */
function refuseByName(
  { address }: { readonly address: string },
  _session: unknown,
  done: (error?: Error) => void,
): void {
  const [, name = ''] = /^(refused|later)-/.exec(address) ?? [];
  const replies = { refused: ['5.1.1 no such user', 550], later: ['4.2.0 not now', 450] } as const;
  const [text, responseCode] = replies[name as keyof typeof replies] ?? [];
  done(text === undefined ? undefined : Object.assign(new Error(text), { responseCode }));
}

function letterOf({ mail }: ReceivedMail): Letter {
  const text = (mail.text ?? '').trimEnd();
  const link = /^https?:\/\/\S+$/m.exec(text)?.[0] ?? '';
  const token = /#token=([\w-]+)$/.exec(link)?.[1] ?? '';
  if (token !== '') registerSecret(token);
  return { subject: mail.subject ?? '', text, link, token };
}
