import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { simpleParser, type ParsedMail } from 'mailparser';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { onTestFinished } from 'vitest';
import { newFolder } from './npm.js';

/** A certificate authority of the test's own, and a certificate of it for 127.0.0.1. */
export interface Certificates {
  readonly authority: string;
  readonly key: string;
  readonly cert: string;
}

export function makeCertificates(): Certificates {
  const folder = newFolder('certificates');
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...fresh, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=A private CA', '-days', '2');
  const own = ['-subj', '/CN=mail', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  openssl(
    'req',
    '-x509',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    ...fresh,
    '-keyout',
    'mail.key',
    '-out',
    'mail.pem',
    ...own,
  );
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  return {
    authority: read('ca.pem'),
    key: read('mail.key'),
    cert: read('mail.pem'),
  };
}

/** A mail that a {@link MailServer} has accepted. */
export interface ReceivedMail {
  readonly from: string;
  readonly recipients: readonly string[];
  readonly isSecure: boolean;
  readonly user: string | undefined;
  readonly mail: ParsedMail;
}

export const LOGIN = { user: 'ada@example.com', password: 'p:/@ %?' };

/** A mail server on 127.0.0.1, without TLS and login unless the options say so. */
export class MailServer {
  private constructor(
    readonly port: number,
    readonly received: readonly ReceivedMail[],
  ) {}

  /** Starts it; closed at the end of the test. */
  static async start(
    options: SMTPServerOptions = {},
    onFinished: (clean: () => Promise<void>) => void = onTestFinished,
  ): Promise<MailServer> {
    const received: ReceivedMail[] = [];
    const server = new SMTPServer({
      ...(options.key === undefined && { hideSTARTTLS: true, disabledCommands: ['STARTTLS'] }),
      authOptional: true,
      disableReverseLookup: true,
      onAuth: ({ username, password }, _session, done) =>
        username === LOGIN.user && password === LOGIN.password
          ? done(null, { user: username })
          : done(Object.assign(new Error('5.7.8 Authentication failed'), { responseCode: 535 })),
      onData: (stream, session, done) => {
        simpleParser(stream, {}, (_error: unknown, mail: ParsedMail) => {
          const { mailFrom, rcptTo } = session.envelope;
          received.push({
            from: mailFrom === false ? '' : mailFrom.address,
            recipients: rcptTo.map(({ address }) => address),
            isSecure: session.secure,
            user: session.user,
            mail,
          });
          done(null, '2.0.0 queued as 4711');
        });
      },
      ...options,
    });
    // A client that leaves.
    server.on('error', () => undefined);
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const address = server.server.address();
    onFinished(() => new Promise((closed) => server.close(() => closed())));
    return new MailServer(typeof address === 'object' && address !== null ? address.port : 0, received);
  }
}
