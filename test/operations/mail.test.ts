import { execFile, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { promisify } from 'node:util';
import type { SMTPServerOptions } from 'smtp-server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseSettings } from '../../src/config/read-settings.js';
import type { SmtpServer } from '../../src/config/smtp-url.js';
import { serializeError } from '../../src/logging/error-serializer.js';
import type { MailError } from '../../src/mail/mail-error.js';
import { mailSenderOf, type MailMessage } from '../../src/mail/mail-message.js';
import { SmtpTransport } from '../../src/mail/smtp-transport.js';
import { LOGIN, MailServer, makeCertificates } from '../support/mail-server.js';
import { newFolder } from '../support/npm.js';
import { freePort } from '../support/processes.js';

const SETTINGS = {
  SMTP_URL: 'smtp://127.0.0.1',
  MAIL_FROM: 'accounts@service.example',
  SERVICE_NAME: 'Notes',
  ISSUER: 'https://service.example',
};
const TO = 'grace@example.com';
const message = (changes: Partial<MailMessage> = {}): MailMessage => ({
  id: randomUUID(),
  to: TO,
  subject: 'Confirm your address',
  text: 'Open https://service.example/account/verify#token=abc\n',
  ...changes,
});

const HAS_OPENSSL = spawnSync('openssl', ['version']).status === 0;

interface Sending extends Partial<SmtpServer> {
  readonly settings?: Record<string, string>;
  /** How long to wait for a connection, a greeting and an answer. */
  readonly milliseconds?: number;
}

/** Sends over a server on 127.0.0.1. */
async function send(
  port: number,
  mail: MailMessage = message(),
  { settings = {}, milliseconds = 20_000, ...server }: Sending = {},
): Promise<string> {
  const sender = mailSenderOf(parseSettings({ ...SETTINGS, ...settings }));
  const timeouts = {
    dnsTimeout: milliseconds,
    connectionTimeout: milliseconds,
    greetingTimeout: milliseconds,
    socketTimeout: milliseconds,
  };
  const transport = new SmtpTransport({ host: '127.0.0.1', port, tls: 'none', ...server }, sender, timeouts);
  onTestFinished(() => transport.close());
  return transport.sendMail(mail);
}

async function failure(sending: Promise<unknown>): Promise<MailError> {
  return sending.then(
    () => expect.fail('the mail was accepted'),
    (error: unknown) => error as MailError,
  );
}

function trust(authority: string): void {
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, authority]);
  onTestFinished(() => setDefaultCACertificates(before));
}

const refusing = (code: number, text: string): SMTPServerOptions => ({
  onRcptTo: (_address, _session, done) => done(Object.assign(new Error(text), { responseCode: code })),
});

/** Speaks SMTP up to the end of a mail, and then does this. */
function afterMail(act: (socket: Socket) => unknown): (socket: Socket) => void {
  return (socket) => {
    let isMail = false;
    socket.write('220 hello\r\n');
    socket.on('data', (chunk) => {
      const text = chunk.toString();
      if (isMail && text.endsWith('\r\n.\r\n')) act(socket);
      if (isMail) return;
      isMail = text.startsWith('DATA');
      socket.write(isMail ? '354 go on\r\n' : '250 ok\r\n');
    });
  };
}

describe('a mail', () => {
  it('arrives as it was given, from the service, with an id of its own, and asks for no answer of a program', async () => {
    const server = await MailServer.start();
    const mail = message();
    expect(await send(server.port, mail)).toBe(
      `The mail server 127.0.0.1:${server.port} has accepted it: 250 2.0.0 queued as 4711`,
    );
    const [received] = server.received;
    expect(received).toMatchObject({ from: SETTINGS.MAIL_FROM, recipients: [TO], isSecure: false, user: undefined });
    expect(received?.mail).toMatchObject({
      subject: mail.subject,
      text: mail.text,
      messageId: `<${mail.id}@service.example>`,
      from: { value: [{ name: 'Notes', address: SETTINGS.MAIL_FROM }] },
      to: { value: [{ name: '', address: TO }] },
    });
    expect(received?.mail.headers.get('auto-submitted')).toBe('auto-generated');
  });

  it.each([
    "!#$%&'*+/=?^_`{|}~-@example.com",
    "o'hara@example.com",
    `${'x'.repeat(64)}@${'y'.repeat(63)}.${'z'.repeat(63)}.${'w'.repeat(57)}.de`,
  ])('goes to %s, and to nobody else', async (to) => {
    const server = await MailServer.start();
    await send(server.port, message({ to }));
    expect(server.received.map(({ recipients }) => recipients)).toEqual([[to]]);
  });

  it.each([
    'a@example.com,evil@example.com',
    'a@example.com\r\nBcc: evil@example.com',
    'a@example.com>\r\nRCPT TO:<evil@example.com',
    '"a@example.com" <evil@example.com>',
    'Group: evil@example.com;',
    'a@example.com evil@example.com',
  ])('to %j goes to nobody, if one were let through (REC-06)', async (to) => {
    const server = await MailServer.start();
    expect(await failure(send(server.port, message({ to })))).toMatchObject({ name: 'MailError' });
    expect(server.received).toEqual([]);
  });

  it.each([
    'Notes <evil@example.com>',
    'Bücher, "Hefte" & Söhne; (GmbH)',
    'Notes: =?utf-8?q?=0D=0ABcc=3A_evil=40example.com?=',
    'x'.repeat(500),
  ])('of the service %j keeps its sender, headers and recipient (REC-06)', async (name) => {
    const server = await MailServer.start();
    await send(server.port, message({ subject: `Mail from ${name}` }), { settings: { SERVICE_NAME: name } });
    const [{ mail, recipients, from } = expect.fail('nothing arrived')] = server.received;
    expect([from, recipients]).toEqual([SETTINGS.MAIL_FROM, [TO]]);
    expect(mail.from?.value).toHaveLength(1);
    expect(mail.from?.value[0]?.address).toBe(SETTINGS.MAIL_FROM);
    expect([...mail.headers.keys()]).toEqual(
      expect.not.arrayContaining(['bcc', 'cc', 'reply-to', 'sender', 'return-path']),
    );
    expect(mail.to).toMatchObject({ value: [{ address: TO }] });
  });

  it('with line breaks in its subject has no other header by them (REC-06)', async () => {
    const server = await MailServer.start();
    await send(server.port, message({ subject: 'a\r\nBcc: evil@example.com\r\n\r\nbody' }));
    const [received] = server.received;
    expect(received?.recipients).toEqual([TO]);
    expect(received?.mail.headers.has('bcc')).toBe(false);
    expect(received?.mail.text).toBe(message().text);
  });
});

describe.runIf(HAS_OPENSSL)('a mail server with TLS (skipped where openssl is not installed)', () => {
  it.each(['STARTTLS', 'implicit'] as const)('gets the login and the mail under TLS alone: %s', async (tls) => {
    const { authority, key, cert } = makeCertificates();
    trust(authority);
    const server = await MailServer.start({ key, cert, secure: tls === 'implicit', authOptional: false });
    await send(server.port, message(), { tls, login: LOGIN });
    expect(server.received).toMatchObject([{ isSecure: true, user: LOGIN.user, recipients: [TO] }]);
  });

  it('gets nothing if its certificate is of nobody known, or for another name', async () => {
    const { authority, key, cert } = makeCertificates();
    const server = await MailServer.start({ key, cert });
    const unknown = await failure(send(server.port, message(), { tls: 'STARTTLS', login: LOGIN }));
    expect(unknown.message).toMatch(
      /certificate: NODE_EXTRA_CA_CERTS names the certificate of an authority of your own\)$/,
    );
    trust(authority);
    const other = await failure(send(server.port, message(), { tls: 'STARTTLS', host: 'localhost' }));
    expect(other.message).toMatch(/Hostname\/IP does not match/);
    expect([unknown.isFinal, other.isFinal, server.received]).toEqual([false, false, []]);
  });
});

describe('a mail that is not accepted', () => {
  it('where TLS is required and not offered: nothing is sent, not even the login', async () => {
    const logins: unknown[] = [];
    const server = await MailServer.start({ onAuth: (auth, _session, done) => (logins.push(auth), done(null, {})) });
    const error = await failure(send(server.port, message(), { tls: 'STARTTLS', login: LOGIN }));
    expect(error).toMatchObject({ name: 'MailError', isFinal: false });
    expect(error.message).toMatch(/^The mail server 127\.0\.0\.1:\d+ has no usable TLS/);
    expect([logins, server.received]).toEqual([[], []]);
  });

  it.each([
    ['for ever', 550, '5.1.1 <grace@example.com> unknown', true, '(550 5.1.1)'],
    ['for ever, without an enhanced status', 554, 'no', true, '(554)'],
    ['for now', 451, '4.7.1 greylisted, try again', false, 'for now (451 4.7.1)'],
  ])('%s says so, and names no recipient', async (_case, code, text, isFinal, said) => {
    const server = await MailServer.start(refusing(code, text));
    const error = await failure(send(server.port));
    expect(error).toMatchObject({ isFinal, status: /\d[^)]+/.exec(said)?.[0] });
    expect(error.message).toBe(`The mail server 127.0.0.1:${server.port} refuses the mail ${said}`);
    expect(error.reply).toContain(text);
  });

  it.each([
    [554, '5.7.1 Relay access denied'],
    [530, '5.7.0 Authentication required'],
  ])('by a server that refuses everybody with %i is no fault of the recipient', async (code, text) => {
    const server = await MailServer.start(refusing(code, text));
    expect(await failure(send(server.port))).toMatchObject({ isFinal: false });
  });

  it('leaves no address in the log', async () => {
    const server = await MailServer.start(refusing(550, `5.1.1 <${TO}> unknown`));
    expect(JSON.stringify(serializeError(await failure(send(server.port))))).not.toContain(TO);
  });

  it('by a server that requires TLS says how to use it', async () => {
    const server = await MailServer.start(refusing(530, '5.7.0 Must issue a STARTTLS command first'));
    expect((await failure(send(server.port))).message).toContain('requires TLS: end SMTP_URL with ?tls=on (530 5.7.0)');
  });

  it('by a server that offers no login, where there is one', async () => {
    const server = await MailServer.start({ disabledCommands: ['AUTH', 'STARTTLS'] });
    const error = await failure(send(server.port, message(), { login: LOGIN }));
    expect([error.isFinal, server.received]).toEqual([false, []]);
  });

  it('after DATA says so, too', async () => {
    const server = await MailServer.start({
      onData: (stream, _session, done) => {
        stream.resume().on('end', () => done(Object.assign(new Error('5.6.0 broken'), { responseCode: 554 })));
      },
    });
    expect(await failure(send(server.port))).toMatchObject({
      isFinal: true,
      isOfRecipient: false,
      status: '554 5.6.0',
    });
  });

  it('because of the login is no fault of the mail', async () => {
    const server = await MailServer.start({ authOptional: false, allowInsecureAuth: true });
    const wrong = await failure(send(server.port, message(), { login: { user: 'x', password: 'hidden' } }));
    expect(wrong).toMatchObject({ isFinal: false, status: '535 5.7.8' });
    expect(wrong.message).toContain('refuses the user name and password of SMTP_URL (535 5.7.8)');
    expect(JSON.stringify([wrong.message, wrong.reply])).not.toContain('hidden');
    const none = await failure(send(server.port));
    expect([none.isFinal, none.message]).toEqual([
      false,
      `The mail server 127.0.0.1:${server.port} needs a user name and a password in SMTP_URL (${none.status})`,
    ]);
  });

  it('because nothing listens, or the name is unknown', async () => {
    const away = await failure(send(await freePort()));
    expect(away.message).toMatch(/cannot be used \(connect ECONNREFUSED 127\.0\.0\.1:\d+\)$/);
    const unknown = await failure(send(25, message(), { host: 'no-such-host.invalid' }));
    expect(unknown.message).toMatch(/^The mail server no-such-host\.invalid:25 was not found/);
    expect([away.isFinal, unknown.isFinal]).toEqual([false, false]);
  });

  it.each([
    ['greets nobody', () => undefined, 'did not answer in time'],
    ['speaks another protocol', (socket: Socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'), 'speaks no SMTP'],
    ['closes at once', (socket: Socket) => socket.destroy(), 'closed the connection'],
    ['hangs after the greeting', (socket: Socket) => socket.write('220 hello\r\n'), 'did not answer in time'],
    ['hangs after the mail', afterMail(() => undefined), 'did not answer in time'],
    ['closes after the mail', afterMail((socket) => socket.destroy()), 'closed the connection'],
  ])('by a server that %s', { timeout: 30_000 }, async (_case, onConnection, reason) => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      onConnection(socket);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const start = performance.now();
    const { port } = server.address() as AddressInfo;
    const error = await failure(send(port, message(), { milliseconds: 1000 }));
    expect(error.message).toContain(reason);
    expect([error.name, error.isFinal]).toEqual(['MailError', false]);
    expect(performance.now() - start).toBeLessThan(8000);
  });
});

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function gatehouse(args: readonly string[], env: Record<string, string>): Promise<Result> {
  const surroundings = { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '' };
  return new Promise((done) => {
    const options = { env: { ...surroundings, ...env }, encoding: 'utf8' as const };
    execFile(process.execPath, ['dist/cli/gatehouse.js', ...args], options, (error, stdout, stderr) =>
      done({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

const settingsOf = (port: number): Record<string, string> => ({
  ...SETTINGS,
  SMTP_URL: `smtp://127.0.0.1:${port}`,
  DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none',
});

const newDataDir = (): string => {
  const dataDir = join(newFolder('data'), 'data');
  mkdirSync(dataDir);
  return dataDir;
};

describe('gatehouse mail test', () => {
  it('sends a mail without the database, and prints what the server has answered', async () => {
    const server = await MailServer.start();
    const result = await gatehouse(['mail', 'test', TO], settingsOf(server.port));
    const stdout = `The mail server 127.0.0.1:${server.port} has accepted it: 250 2.0.0 queued as 4711\n`;
    expect(result).toEqual({ code: 0, stdout, stderr: '' });
    expect(server.received).toMatchObject([{ recipients: [TO], mail: { subject: 'Mail from Notes' } }]);
  });

  it('says in one line why the server did not take it, and never the password', async () => {
    const server = await MailServer.start(refusing(550, '5.1.1 no such user'));
    const refused = await gatehouse(['mail', 'test', TO], settingsOf(server.port));
    expect(refused).toEqual({
      code: 1,
      stdout: '',
      stderr: `The mail server 127.0.0.1:${server.port} refuses the mail (550 5.1.1): 550 5.1.1 no such user\n`,
    });
    const port = await freePort();
    const env = { ...settingsOf(port), SMTP_URL: `smtp://user:hidden@127.0.0.1:${port}` };
    const { code, stderr } = await gatehouse(['mail', 'test', TO], env);
    expect(stderr).toMatch(/^The mail server 127\.0\.0\.1:\d+ cannot be used \(connect ECONNREFUSED [^\n]+\)\n$/);
    expect(stderr).not.toContain('hidden');
    expect(code).toBe(1);
  });

  it('needs a mail server where the database is not embedded, and a sender', async () => {
    const { SMTP_URL: _, ...without } = settingsOf(1);
    expect((await gatehouse(['mail', 'test', TO], without)).stderr).toMatch(/^There is no mail server: set SMTP_URL/);
    const { MAIL_FROM: __, ...withoutSender } = settingsOf(1);
    const { stderr } = await gatehouse(['mail', 'test', TO], withoutSender);
    expect(stderr).toBe(
      'The settings are not usable: MAIL_FROM is required with SMTP_URL: set the address that mail comes from\n',
    );
  });
});

describe('docs/operations.md', () => {
  it('prints a command that sends a mail', async () => {
    const [, printed = ''] = /## Mail\n[^]*?```sh\n([^]+?)```/.exec(readFileSync('docs/operations.md', 'utf8')) ?? [];
    const server = await MailServer.start();
    const env = { ...process.env, ...settingsOf(server.port) };
    const { stdout } = await promisify(execFile)('bash', ['-euc', printed], { env });
    expect(stdout).toContain(`The mail server 127.0.0.1:${server.port} has accepted it: 250`);
    expect(server.received.map(({ recipients }) => recipients)).toEqual([['you@example.com']]);
  });
});

describe('mail without a mail server', () => {
  it('is a file of this user alone for a day, which list and show print', async () => {
    const DATA_DIR = newDataDir();
    const env = { DATA_DIR, SERVICE_NAME: 'Bücher & Söhne', DEFAULT_LANGUAGE: 'de' };
    expect(await gatehouse(['mail', 'list'], env)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await gatehouse(['mail', 'show'], env)).stderr).toBe('There is no mail of the last day.\n');
    const written = await gatehouse(['mail', 'test', TO], env);
    const [, file = ''] = /^There is no mail server \(SMTP_URL\): it is in (\S+)\n$/.exec(written.stdout) ?? [];
    expect([statSync(file).mode & 0o777, statSync(join(DATA_DIR, 'mail')).mode & 0o777]).toEqual([0o600, 0o700]);
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(/^Content-Type: multipart\/alternative/m);
    expect(text).toMatch(/^From: .* <gatehouse@localhost>\r\n/m);
    expect(text).toMatch(/^Message-ID: <[\da-f-]{36}@localhost>\r\n/m);

    const name = file.slice(file.lastIndexOf('/') + 1, -'.eml'.length);
    const listed = `${name}\t${TO}\tE-Mail von Bücher & Söhne\n`;
    expect(await gatehouse(['mail', 'list'], env)).toEqual({ code: 0, stdout: listed, stderr: '' });
    const shown = await gatehouse(['mail', 'show'], env);
    expect(shown.stdout).toMatch(
      /^To: grace@example\.com\nSubject: E-Mail von Bücher & Söhne\n\nBücher & Söhne kann E-Mails/,
    );
    expect(await gatehouse(['mail', 'show', name], env)).toEqual(shown);
    expect((await gatehouse(['mail', 'show', 'another'], env)).stderr).toMatch(
      /^There is no mail another, or it is older/,
    );

    const dayAgo = Date.now() / 1000 - 24 * 3600 - 1;
    utimesSync(file, dayAgo, dayAgo);
    writeFileSync(join(DATA_DIR, 'mail/notes.txt'), 'of somebody else');
    expect(await gatehouse(['mail', 'list'], env)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(existsSync(file)).toBe(false);
    await gatehouse(['mail', 'test', 'ada@example.com'], env);
    expect(readdirSync(join(DATA_DIR, 'mail'))).toHaveLength(2);
    expect((await gatehouse(['mail', 'list'], env)).stdout).toMatch(/^\S+\tada@example\.com\t[^\n]+\n$/);
  });

  it('needs the folder of the service, and makes none', async () => {
    const DATA_DIR = join(newFolder('data'), 'data');
    for (const args of [
      ['mail', 'test', TO],
      ['mail', 'list'],
      ['mail', 'show'],
    ]) {
      const { code, stderr } = await gatehouse(args, { DATA_DIR });
      expect(stderr).toMatch(/^The embedded database in \S+ \(DATA_DIR\) has not been created yet: [^\n]+\n$/);
      expect(code).toBe(1);
    }
    expect(existsSync(DATA_DIR)).toBe(false);
  });
});
