import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { domainToASCII } from 'node:url';
import { simpleParser } from 'mailparser';
import type { SMTPServerOptions } from 'smtp-server';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AccountAdministrationService } from '../../src/account/account-administration.service.js';
import type { Config } from '../../src/config/config.js';
import { parseSettings } from '../../src/config/read-settings.js';
import { PrismaService } from '../../src/database/prisma.service.js';
import { BackgroundJobs } from '../../src/jobs/background-jobs.js';
import { MailDeliveryService } from '../../src/mail/mail-delivery.service.js';
import { MailService } from '../../src/mail/mail.service.js';
import type { NewMail } from '../../src/mail/mails.repository.js';
import { MetricsServer } from '../../src/metrics/metrics.server.js';
import { OneTimeTokensService } from '../../src/one-time-tokens/one-time-tokens.service.js';
import { afterAllTests, PASSWORD, startApp, type TestApp } from '../support/app.js';
import { LOGIN, MailServer, type ReceivedMail } from '../support/mail-server.js';
import { newFolder } from '../support/npm.js';
import { outputLinesOf } from '../support/old-version.js';
import { MASTER_SECRET } from '../support/processes.js';
import { expectNoSecret, registerSecret } from '../support/secret-detection.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { addVerifiedUser } from '../support/verified-user.js';

const FROM = 'accounts@service.example';
const ISSUER = 'https://accounts.service.example';
const RESET_LINK =
  /^https:\/\/accounts\.service\.example\/account\/reset-password\?lang=(?:de|en)#token=([\w-]{50,60})$/m;
/** The delay after each of the first attempts is shorter; that of a mail which is under way is longer. */
const SOON_SECONDS = 60;
const DAY = '1 day 1 minute';

interface Reply {
  readonly code: number;
  readonly text: string;
}

/** What the mail server says; it accepts everything that is not here. */
interface Replies {
  sender?: Reply;
  recipient?: Reply;
  mail?: Reply;
}

let replies: Replies = {};
/** The recipients that the server was asked to take. */
let asked: string[] = [];
const received: ReceivedMail[] = [];
afterEach(() => {
  replies = {};
  asked = [];
});

const refusal = (reply: Reply | undefined): Error | null =>
  reply === undefined ? null : Object.assign(new Error(reply.text), { responseCode: reply.code });

const AS_TOLD: SMTPServerOptions = {
  onMailFrom: (_address, _session, done) => done(refusal(replies.sender)),
  onRcptTo: ({ address }, _session, done) => {
    asked.push(address);
    done(refusal(replies.recipient));
  },
  onData: (stream, { secure, envelope }, done) => {
    simpleParser(stream, {}, (_error: unknown, mail) => {
      const recipients = envelope.rcptTo.map(({ address }) => address);
      const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
      if (replies.mail === undefined) received.push({ from, recipients, isSecure: secure, user: undefined, mail });
      done(refusal(replies.mail));
    });
  },
};

const mailSettings = (port: number): Partial<Config> => ({
  smtpUrl: `smtp://127.0.0.1:${port}`,
  mailFrom: FROM,
  serviceName: 'Notes',
  issuer: ISSUER,
  metricsPort: 0,
});

/** An application and the server of its mail, which takes what the test does not refuse. */
let app: TestApp;
let server: MailServer;
const apps: TestApp[] = [];
const onFinished = afterAllTests();
beforeAll(async () => {
  server = await MailServer.start(AS_TOLD, onFinished);
  app = await start({ ...mailSettings(server.port), mailMaxAttempts: 5 }, undefined, onFinished);
});

async function start(
  changes: Partial<Config>,
  databaseUrl?: string,
  onEnd?: (clean: () => Promise<void>) => void,
): Promise<TestApp> {
  const started = await startApp({ changes, ...(databaseUrl !== undefined && { databaseUrl }) }, onEnd);
  apps.push(started);
  return started;
}

/** The lines of all applications: Nest has one logger in a process, which is that of the newest. */
const allLines = (): Record<string, unknown>[] => apps.flatMap((each) => each.log());

const linesOf = (name: string): Record<string, unknown>[] => allLines().filter(({ event }) => event === name);

/** An address of the test's own, which is nowhere in the log. */
function newAddress(): string {
  const address = `${randomUUID()}@example.com`;
  registerSecret(address);
  return address;
}

/** Writes a mail as services do. */
async function queueMail(mail: Partial<NewMail> & Pick<NewMail, 'recipient'>, { nest } = app): Promise<boolean> {
  const [prisma, service] = [nest.get(PrismaService, { strict: false }), nest.get(MailService, { strict: false })];
  return prisma.transaction((tx) => service.queueMail(tx, { template: 'test', language: 'en', ...mail }));
}

interface MailRow {
  readonly id: string;
  readonly attempts: number;
  readonly outcome: string | null;
  readonly failure: string | null;
  /** Until it is tried again. */
  readonly seconds: number | null;
}

/** The mails to an address in any case of letters, the oldest first. */
async function mailsTo(address: string, of = app): Promise<MailRow[]> {
  return of.query<MailRow>(
    `SELECT id, attempts, outcome::text, failure, extract(epoch FROM available_at - now())::float8 AS seconds
     FROM mails WHERE recipient_lower = lower($1) ORDER BY created_at, id`,
    [address],
  );
}

/** Lets the next attempt be due now, and does it. */
async function deliverNow(of = app): Promise<void> {
  await of.query(
    'UPDATE mails SET available_at = now() WHERE outcome IS NULL AND available_at < now() + make_interval(secs => $1)',
    [SOON_SECONDS],
  );
  await startDelivery(of);
}

async function startDelivery({ nest }: TestApp): Promise<void> {
  await nest.get(MailDeliveryService, { strict: false }).startDeliveries();
}

async function resolveRequests({ nest }: TestApp): Promise<void> {
  await nest.get(BackgroundJobs, { strict: false }).runJob('resolve mail requests');
}

/** Waits until the mail to this address has failed for now, and will be tried again. @returns its row */
async function untilRetried(address: string, attempts: number, of = app): Promise<MailRow> {
  const isWaiting = async (): Promise<unknown> => {
    const [row] = await mailsTo(address, of);
    return row !== undefined && row.attempts >= attempts && row.outcome === null && Number(row.seconds) < SOON_SECONDS;
  };
  await expect.poll(isWaiting).toBe(true);
  const [row = expect.fail('no mail')] = await mailsTo(address, of);
  return row;
}

async function untilOutcomes(address: string, outcomes: readonly string[], of = app): Promise<MailRow[]> {
  const read = async (): Promise<unknown> => (await mailsTo(address, of)).map(({ outcome }) => outcome);
  await expect.poll(read).toEqual(outcomes);
  return mailsTo(address, of);
}

const receivedBy = (address: string, all: readonly ReceivedMail[] = received): ReceivedMail[] =>
  all.filter(({ recipients }) => recipients.includes(address));

/** Sends a mail to another address and waits until it has arrived: what was due before it has been done. */
async function afterAnotherMail(): Promise<void> {
  const recipient = newAddress();
  await queueMail({ recipient });
  await startDelivery(app);
  await untilOutcomes(recipient, ['sent']);
}

async function scrape({ nest } = app): Promise<string> {
  const { port } = nest.get(MetricsServer, { strict: false });
  return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
}

async function metric(series: string): Promise<number> {
  const line = (await scrape()).split('\n').find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}

const newUser = (of = app, email = newAddress()): Promise<string> => addVerifiedUser(of, email);

/** Asks for a new password; the mail waits for its delivery. */
async function askForReset(email: string, headers: Record<string, string> = {}, of = app): Promise<void> {
  const answer = await of.call('POST', '/v1/auth/password-reset', { json: { email }, headers });
  expect(answer.status).toBe(202);
  await resolveRequests(of);
}

/** The request with any header, which `fetch` would not send. */
async function post(path: string, json: object, headers: Record<string, string>): Promise<number | undefined> {
  const body = JSON.stringify(json);
  const sent = request(`${app.url}${path}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
  });
  sent.end(body);
  const [response] = await once(sent, 'response');
  response.resume();
  return response.statusCode;
}

/** All that a reader's program sees of a mail. */
function contentOf({ mail }: ReceivedMail): string {
  return JSON.stringify([mail.headerLines, mail.subject, mail.text, mail.html]);
}

/** The headers of a mail of ours, and nothing else. */
const HEADERS = ['auto-submitted', 'content-type', 'date', 'from', 'message-id', 'mime-version', 'subject', 'to'];

function expectNothingInjected({ from, recipients, mail }: ReceivedMail, recipient: string): void {
  expect([from, recipients]).toEqual([FROM, [recipient]]);
  expect(mail.headerLines.map(({ key }) => key).toSorted()).toEqual(HEADERS);
  expect(mail.from?.value.map(({ address }) => address)).toEqual([FROM]);
}

describe('a mail', () => {
  it.each([
    ['de', 'de-AT, fr;q=0.9', 'Neues Passwort für Notes', 'Der Link gilt einmal, bis'],
    ['en', 'fr, en-GB;q=0.5, de;q=0.1', 'Set a new password for Notes', 'The link can be used once, until'],
  ])(
    'arrives once, in the language %s of who asked for it, with a link of the settings whatever hosts the request names (REC-03)',
    async (language, acceptLanguage, subject, words) => {
      const email = await newUser(app, `Grace.${newAddress()}`);
      const evil = 'evil.example';
      const headers = {
        host: evil,
        origin: `https://${evil}`,
        referer: `https://${evil}/`,
        forwarded: `host=${evil};proto=http`,
        'x-forwarded-host': evil,
        'x-forwarded-proto': 'http',
        'x-original-url': `https://${evil}/`,
        'accept-language': acceptLanguage,
      };
      // To the address as it is stored, not as it is typed (REC-04).
      expect(await post('/v1/auth/password-reset', { email: email.toUpperCase() }, headers)).toBe(202);
      await resolveRequests(app);
      await startDelivery(app);
      const [{ id } = expect.fail('no mail')] = await untilOutcomes(email, ['sent']);
      await deliverNow();
      await afterAnotherMail();

      const [first = expect.fail('nothing arrived'), ...more] = receivedBy(email);
      expect(more).toEqual([]);
      expectNothingInjected(first, email);
      const { mail } = first;
      expect(mail.messageId).toBe(`<${id}@service.example>`);
      expect(mail.headers.get('auto-submitted')).toBe('auto-generated');
      expect([mail.subject, mail.from?.value[0]?.name]).toEqual([subject, 'Notes']);
      const [link = expect.fail('no link'), token = ''] = RESET_LINK.exec(mail.text ?? '') ?? [];
      registerSecret(token);
      expect(link).toContain(`?lang=${language}#`);
      expect(mail.text).toContain(words);
      expect(mail.html).toContain(`<html lang="${language}">`);
      expect(mail.html).toContain(`<a href="${link}">${link}</a>`);
      expect(contentOf(first)).not.toContain(evil);
      const confirm = (): Promise<{ status: number }> =>
        app.call('POST', '/v1/auth/password-reset/confirm', {
          json: { token, newPassword: 'quite another passphrase' },
        });
      expect([(await confirm()).status, (await confirm()).status]).toEqual([204, 400]);
    },
  );

  it('is in the default language where none is asked for', async () => {
    const email = await newUser();
    await askForReset(email, { 'accept-language': 'fr' });
    await deliverNow();
    await untilOutcomes(email, ['sent']);
    expect(receivedBy(email)[0]?.mail.subject).toBe('Set a new password for Notes');
  });
});

describe('a mail that the server does not take', () => {
  it.each([
    ['of its greylist', { recipient: { code: 450, text: '4.2.0 greylisted, try again' } }],
    ['of its own trouble', { mail: { code: 451, text: '4.3.0 try again' } }],
    ['it refuses the sender', { sender: { code: 550, text: '5.1.8 who are you' } }],
    ['it refuses the login', { sender: { code: 530, text: '5.7.0 Authentication required' } }],
    ['the mailbox is full', { recipient: { code: 552, text: '5.2.2 mailbox full' } }],
    ['of a policy', { mail: { code: 550, text: '5.7.26 not authenticated' } }],
    ['it refuses everybody', { recipient: { code: 554, text: '5.7.1 Relay access denied' } }],
  ] as const)('because %s is sent later, as the same mail', async (_case, told: Replies) => {
    const recipient = newAddress();
    replies = told;
    await queueMail({ recipient });
    await startDelivery(app);
    const { id, seconds } = await untilRetried(recipient, 1);
    expect(seconds).toBeGreaterThan(0.5);
    expect(seconds).toBeLessThanOrEqual(6);
    replies = {};
    await deliverNow();
    const rows = await untilOutcomes(recipient, ['sent']);
    expect(rows).toMatchObject([{ id, attempts: 2, failure: null, seconds: null }]);
    expect(receivedBy(recipient).map(({ mail }) => mail.messageId)).toEqual([`<${id}@service.example>`]);
  });

  it('because of a wrong login is sent once that is right', async () => {
    const other = await MailServer.start({ authOptional: false, allowInsecureAuth: true });
    const smtpUrl = `smtp://${encodeURIComponent(LOGIN.user)}:wrong-password-of-ada@127.0.0.1:${other.port}`;
    registerSecret('wrong-password-of-ada');
    const wrong = await start({ ...mailSettings(other.port), smtpUrl });
    const recipient = newAddress();
    await queueMail({ recipient }, wrong);
    await startDelivery(wrong);
    await untilRetried(recipient, 1, wrong);
    const delays = linesOf('mail_delayed').filter(({ msg }) => String(msg).includes(`:${other.port} `));
    expect(delays).toMatchObject([
      { level: 40, msg: expect.stringContaining('refuses the user name and password of SMTP_URL (535') as string },
    ]);
    const right = smtpUrl.replace('wrong-password-of-ada', encodeURIComponent(LOGIN.password));
    const { databaseUrl } = wrong;
    const repaired = await start({ ...mailSettings(other.port), smtpUrl: right }, databaseUrl);
    await deliverNow(repaired);
    // The other one may be quicker, and fails again.
    await expect
      .poll(async () => {
        await deliverNow(repaired);
        return receivedBy(recipient, other.received).length;
      })
      .toBe(1);
  });

  it('is tried again after twice the time of the attempt before, and given up after MAIL_MAX_ATTEMPTS (FLT-20)', async () => {
    const recipient = newAddress();
    replies = { recipient: { code: 450, text: '4.2.0 not now' } };
    const userId = randomUUID();
    await queueMail({ recipient, userId });
    await startDelivery(app);
    const { id } = await untilRetried(recipient, 1);
    await app.query('UPDATE mails SET attempts = 3, available_at = now() WHERE id = $1', [id]);
    await startDelivery(app);
    const { seconds } = await untilRetried(recipient, 4);
    expect(seconds).toBeGreaterThan(0.8 * 40 - 5);
    expect(seconds).toBeLessThanOrEqual(1.2 * 40);
    await deliverNow();
    const rows = await untilOutcomes(recipient, ['failed']);
    expect(rows).toMatchObject([{ attempts: 5, failure: 'too many attempts', seconds: null }]);
    expect(await failuresOf(id)).toEqual([
      { userId, actor: 'system', details: { mail: id, template: 'test', failure: 'too many attempts' } },
    ]);
    // The address itself was not refused.
    replies = {};
    await queueMail({ recipient });
    await startDelivery(app);
    await untilOutcomes(recipient, ['failed', 'sent']);
  });

  it('because of what is in it is given up, and the next one to the recipient is tried (REC-11)', async () => {
    const recipient = newAddress();
    replies = { mail: { code: 554, text: '5.6.0 content refused' } };
    await queueMail({ recipient });
    await startDelivery(app);
    const [first] = await untilOutcomes(recipient, ['failed']);
    expect(first).toMatchObject({ attempts: 1, failure: 'this mail 554 5.6.0' });
    replies = {};
    await queueMail({ recipient });
    await startDelivery(app);
    await untilOutcomes(recipient, ['failed', 'sent']);
  });

  it.each([['its recipient', { recipient: { code: 550, text: '5.1.1 no such user' } }, '550 5.1.1']] as const)(
    'because it refuses %s for good is given up, and for a day no other is tried, in any case of letters (REC-11)',
    async (_case, told: Replies, failure) => {
      const recipient = newAddress();
      const before = await counts();
      replies = Object.fromEntries(
        Object.entries(told).map(([step, { code, text }]) => [step, { code, text: `${text} <${recipient}>` }]),
      );
      await queueMail({ recipient });
      await startDelivery(app);
      const [first = expect.fail('no mail')] = await untilOutcomes(recipient, ['failed']);
      expect(first).toMatchObject({ attempts: 1, failure, seconds: null });
      const details = { mail: first.id, template: 'test', failure };
      expect(await failuresOf(first.id)).toEqual([{ userId: null, actor: 'system', details }]);
      const logged = (): unknown => linesOf('mail_failed').find(({ mail }) => mail === first.id);
      await expect.poll(logged).toMatchObject({ level: 40, actor: 'system', ...details });
      await expect.poll(counts).toEqual({ failed: before.failed + 1, refused: before.refused + 1 });

      replies = {};
      asked = [];
      await queueMail({ recipient: recipient.toUpperCase() });
      await startDelivery(app);
      const [, second] = await untilOutcomes(recipient, ['failed', 'failed']);
      expect(second).toMatchObject({ failure: 'refused before' });
      expect(await failuresOf(second?.id)).toMatchObject([{ details: { failure: 'refused before' } }]);
      await afterAnotherMail();
      expect(asked.map((address) => address.toLowerCase())).not.toContain(recipient);

      await app.query(`UPDATE mails SET done_at = done_at - $2::interval WHERE id = $1`, [first.id, DAY]);
      await queueMail({ recipient });
      await startDelivery(app);
      await untilOutcomes(recipient, ['failed', 'failed', 'sent']);
    },
  );
});

interface RecordedFailure {
  readonly userId: string | null;
  readonly actor: string;
  readonly details: unknown;
}

/** The audit events of a mail that was given up. */
async function failuresOf(id: string | undefined): Promise<RecordedFailure[]> {
  return app.query<RecordedFailure & Record<string, unknown>>(
    `SELECT user_id AS "userId", actor::text, details FROM audit_events WHERE event = 'mail_failed' AND details->>'mail' = $1`,
    [id],
  );
}

async function counts(): Promise<{ failed: number; refused: number }> {
  return {
    failed: await metric('gatehouse_mails_total{outcome="failed"}'),
    refused: await metric('gatehouse_mail_attempts_total{outcome="refused"}'),
  };
}

interface Trouble {
  readonly proxy: TcpProxy;
  /** Whether the server hears the end of a mail, or only its beginning. */
  hears: 'all' | 'beginning' | 'and answers';
  /** `Message-ID` of what it has heard completely. */
  readonly heard: string[];
}

/** An application whose mail server is behind a proxy. */
async function startBehindProxy(): Promise<{ trouble: Trouble; mailer: TestApp }> {
  const heard: string[] = [];
  const distant = await MailServer.start({
    onData: (stream, _session, done) => {
      let text = '';
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (trouble.hears === 'beginning') trouble.proxy.drop();
      });
      stream.on('end', () => {
        if (trouble.hears === 'beginning') return;
        heard.push(/^Message-ID: (\S+)/m.exec(text)?.[1] ?? '');
        if (trouble.hears === 'and answers') done(null, '2.0.0 queued');
      });
    },
  });
  const proxy = await TcpProxy.start(new URL(`tcp://127.0.0.1:${distant.port}`));
  const trouble: Trouble = { proxy, hears: 'and answers', heard };
  return { trouble, mailer: await start(mailSettings(proxy.port)) };
}

/** What the service does meanwhile; each takes far less than a time-out of the mail server. */
async function expectUndisturbed(mailer: TestApp): Promise<void> {
  const before = performance.now();
  const { email, token } = await mailer.signIn();
  const reset = mailer.call('POST', '/v1/auth/password-reset', { json: { email } });
  const ready = mailer.call('GET', '/health/ready');
  const answers = await Promise.all([mailer.me(token), mailer.login(email), reset, ready]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 202, 200]);
  expect(performance.now() - before).toBeLessThan(5000);
}

describe('a mail server', () => {
  it.each(['is away', 'hangs after the mail', 'closes in the middle of a mail'] as const)(
    'that %s delays the mail and nothing else (FLT-20)',
    async (kind) => {
      const { trouble, mailer } = await startBehindProxy();
      const recipient = newAddress();
      if (kind === 'is away') trouble.proxy.cut();
      else trouble.hears = kind === 'hangs after the mail' ? 'all' : 'beginning';
      await queueMail({ recipient }, mailer);
      await startDelivery(mailer);
      if (kind === 'hangs after the mail') await expect.poll(() => trouble.heard).toHaveLength(1);
      else await untilRetried(recipient, 1, mailer);
      await expectUndisturbed(mailer);
      const [{ id } = expect.fail('no mail')] = await mailsTo(recipient, mailer);

      trouble.hears = 'and answers';
      trouble.proxy.restore();
      // What hangs ends by this.
      trouble.proxy.drop();
      await untilRetried(recipient, 1, mailer);
      await deliverNow(mailer);
      const rows = await untilOutcomes(recipient, ['sent'], mailer);
      expect(rows).toMatchObject([{ id }]);
      const isOurs = (messageId: string): boolean => messageId === `<${id}@service.example>`;
      expect(trouble.heard.filter(isOurs)).toHaveLength(kind === 'hangs after the mail' ? 2 : 1);
    },
  );

  it('whose trouble stays the same is logged once, and again when it comes back, without recipient and link (LOG-01)', async () => {
    await afterAnotherMail();
    const before = linesOf('mail_delayed').length;
    const recovered = linesOf('mail_recovered').length;
    const delays = (): Record<string, unknown>[] => linesOf('mail_delayed').slice(before);
    const email = await newUser();
    replies = { recipient: { code: 452, text: `4.3.1 <${email}> no room` } };
    await askForReset(email);
    const token = await tokenOf(email);
    for (const attempts of [1, 2, 3]) {
      await deliverNow();
      await untilRetried(email, attempts);
    }
    const msg = `The mail server 127.0.0.1:${server.port} refuses the mail for now (452 4.3.1)`;
    await expect.poll(delays).toMatchObject([{ level: 40, context: 'Mail', msg }]);
    replies = {};
    await deliverNow();
    await untilOutcomes(email, ['sent']);
    replies = { recipient: { code: 452, text: `4.3.1 <${email}> no room` } };
    await queueMail({ recipient: email });
    await startDelivery(app);
    await expect.poll(delays).toMatchObject([{ msg }, { msg }]);
    expect(linesOf('mail_recovered')).toHaveLength(recovered + 1);
    const log = JSON.stringify(allLines());
    for (const secret of [email, token, '#token=']) expect(log).not.toContain(secret);
    replies = {};
    await deliverNow();
    await untilOutcomes(email, ['sent', 'sent']);
  });
});

/** The token in the link to this address, which is in no table. */
async function tokenOf(email: string, of = app): Promise<string> {
  const [{ id } = expect.fail('no token')] = await of.query<{ id: string }>(
    `SELECT id FROM one_time_tokens WHERE email = $1 AND purpose = 'password_reset' ORDER BY id DESC`,
    [email],
  );
  const token = of.nest.get(OneTimeTokensService, { strict: false }).encodeToken({ purpose: 'password_reset', id });
  registerSecret(token);
  return token;
}

describe('a link', () => {
  it.each([
    [
      'was used',
      async (email: string) => {
        const json = { token: await tokenOf(email), newPassword: 'quite another passphrase' };
        expect((await app.call('POST', '/v1/auth/password-reset/confirm', { json })).status).toBe(204);
      },
    ],
    [
      'has expired',
      (email: string) => app.query('UPDATE one_time_tokens SET expires_at = now() WHERE email = $1', [email]),
    ],
    ['was deleted', (email: string) => app.query('DELETE FROM one_time_tokens WHERE email = $1', [email])],
    ['went with its user', (email: string) => app.query('DELETE FROM users WHERE email = $1', [email])],
  ])('that %s before its mail left is not mailed (REC-11)', async (_case, end: (email: string) => Promise<unknown>) => {
    const email = await newUser();
    replies = { recipient: { code: 450, text: '4.2.0 greylisted' } };
    await askForReset(email);
    await startDelivery(app);
    await untilRetried(email, 1);
    await end(email);
    replies = {};
    asked = [];
    const outdated = await metric('gatehouse_mails_total{outcome="outdated"}');
    await deliverNow();
    const waiting = (): Promise<unknown> =>
      app.query(
        `SELECT 1 FROM mails WHERE recipient = $1 AND template = 'reset_password' AND outcome IS DISTINCT FROM 'outdated'`,
        [email],
      );
    await expect.poll(waiting).toEqual([]);
    await afterAnotherMail();
    expect(receivedBy(email).filter(({ mail }) => mail.subject?.startsWith('Set a new password'))).toEqual([]);
    const rows = await mailsTo(email);
    await expect
      .poll(() => metric('gatehouse_mails_total{outcome="outdated"}'))
      .toBe(outdated + rows.filter(({ outcome }) => outcome === 'outdated').length);
  });
});

describe('an address that was refused for good', () => {
  it('gets mail again when an operator has a link mailed, and the operator sees what became of each mail', async () => {
    const email = await newUser();
    const { nest, databaseUrl } = app;
    const reset = (): Promise<unknown> =>
      nest.get(AccountAdministrationService, { strict: false }).resetPassword(email);
    replies = { recipient: { code: 550, text: '5.1.1 no such user' } };
    await reset();
    await startDelivery(app);
    await untilOutcomes(email, ['failed']);
    replies = {};
    await queueMail({ recipient: email });
    await startDelivery(app);
    await untilOutcomes(email, ['failed', 'failed']);
    await reset();
    await startDelivery(app);
    await untilOutcomes(email, ['failed', 'failed', 'sent']);
    const [letter = expect.fail('no mail')] = receivedBy(email);
    expect(letter.mail.text).toContain('The people who operate');
    const environment = {
      DATABASE_URL: databaseUrl,
      MASTER_SECRET,
      SMTP_URL: `smtp://127.0.0.1:${server.port}`,
      MAIL_FROM: FROM,
      ISSUER,
    };
    const lines = await outputLinesOf(environment, ['dist/cli/gatehouse.js', 'mail', 'list', email.toUpperCase()]);
    expect(lines.map((line) => line.split('\t').slice(1))).toEqual([
      [email, 'reset_password_by_operator', 'sent', '1 attempt', '-'],
      [email, 'test', 'failed', '1 attempt', 'refused before'],
      [email, 'reset_password_by_operator', 'failed', '1 attempt', 'ended by an operator: 550 5.1.1'],
    ]);
    const all = await outputLinesOf(environment, ['dist/cli/gatehouse.js', 'mail', 'list']);
    expect(all.length).toBeGreaterThan(lines.length);
    expect(all).toEqual(expect.arrayContaining(lines));
  });
});

describe('an address with which a stranger registers again and again', () => {
  it('gets no more mail after it was refused for good (BRU-09)', async () => {
    const verified = await start({ ...mailSettings(server.port), registration: 'verified' });
    const register = async (email: string): Promise<void> => {
      expect((await verified.register(email)).status).toBe(202);
      await resolveRequests(verified);
      await startDelivery(verified);
      const waiting = (): Promise<unknown> =>
        verified.query('SELECT 1 FROM mails WHERE outcome IS NULL UNION ALL SELECT 1 FROM mail_requests');
      await expect.poll(waiting).toEqual([]);
      await verified.query(`UPDATE mails SET created_at = created_at - interval '2 seconds'`);
    };
    const gone = newAddress();
    replies = { recipient: { code: 550, text: '5.1.1 no such user' } };
    await register(gone);
    replies = {};
    asked = [];
    for (let count = 0; count < 4; count++) await register(gone);
    expect(asked).toEqual([]);
  });
});

/**
 * A local part that begins or ends with a dot is quoted in mail (RFC 5321 section 4.1.2), and is the same. A domain has no case, and
 * the test's server decodes it.
 */
function sameForm(address: string): string {
  const [, local = '', domain = ''] = /^(.*)@(.*)$/.exec(address) ?? [];
  return `${local.replace(/^"(.*)"$/, '$1')}@${domainToASCII(domain)}`;
}

/** Sends bytes that no HTTP client would. @returns the status */
async function sendBytes(path: string, json: object, header: string): Promise<number> {
  const body = JSON.stringify(json);
  const { port } = new URL(app.url);
  const socket = connect(Number(port), '127.0.0.1');
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    header,
  ];
  socket.on('error', () => undefined);
  socket.write(Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`, 'latin1'));
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  await once(socket, 'close');
  return Number(answer.slice(9, 12));
}

describe('what a stranger writes', () => {
  const CHARACTERS = Array.from("!#$%&'*+/=?^_`{|}~-.");
  const ADDRESSES = [
    ...CHARACTERS.map((character) => `${character}a${character}b@example.com`),
    ...['a', 'A', '0'].map((character) => `${character.repeat(64)}@EXAMPLE.com`),
    "!#$%&'*+/=?^_`{|}~-@example.com",
    'a.@example.com',
    'evil=40example.org@example.com',
    'a%evil.example@example.com',
    'evil.example!a@example.com',
    '=?utf-8?q?=0D=0ABcc=3A_evil=40evil.example?=@example.com',
    '=?utf-8?b?LCBldmlsQGV2aWwuZXhhbXBsZQ==?=@example.com',
    `a@${'x'.repeat(63)}.xn--bcher-kva.example`,
  ];

  it('as an address is one recipient, exactly as it was given, whatever its syntax allows (REC-06)', async () => {
    for (const recipient of ADDRESSES) await queueMail({ recipient });
    await startDelivery(app);
    const waiting = (): Promise<unknown> =>
      app.query(
        'SELECT recipient, attempts, failure FROM mails WHERE recipient = ANY($1) AND outcome IS DISTINCT FROM $2',
        [ADDRESSES, 'sent'],
      );
    await expect.poll(waiting).toEqual([]);
    for (const recipient of ADDRESSES) {
      const [only = expect.fail(`nothing to ${recipient}`), ...more] = received.filter(
        ({ recipients: [first = ''] }) => sameForm(first) === sameForm(recipient),
      );
      expect(more).toEqual([]);
      expectNothingInjected({ ...only, recipients: only.recipients.map(sameForm) }, sameForm(recipient));
      const to = only.mail.headerLines.filter(({ key }) => key === 'to').map(({ line }) => line.replace(/^To:\s+/, ''));
      expect(to.map((address) => sameForm(address.replace(/^<(.+)>$/, '$1')))).toEqual([sameForm(recipient)]);
    }
  });

  it.each([
    'a@example.com,evil@evil.example',
    'a@example.com\r\nBcc: evil@evil.example',
    'a@example.com\nevil@evil.example',
    'a\0@example.com',
    '<a@example.com>',
    'a <a@example.com>',
    '"a b"@example.com',
    'a@[192.0.2.1]',
    'a@example.com evil@evil.example',
    'a@bücher.example',
  ])('as the address %j is refused, and is in no mail (REC-06)', async (email) => {
    for (const path of ['/v1/auth/register', '/v1/auth/password-reset', '/v1/auth/email-verification']) {
      const json = path.endsWith('register') ? { email, password: PASSWORD } : { email };
      expect([path, (await app.call('POST', path, { json })).status]).toEqual([path, 400]);
    }
  });

  it.each([
    'Accept-Language: de\nBcc: evil@evil.example',
    'Accept-Language: de\rBcc: evil@evil.example',
    'Accept-Language: de\0evil@evil.example',
    'Accept-Language: <evil@evil.example>, "evil", evil',
    `Accept-Language: ${'evil,'.repeat(2000)}de`,
    'Accept-Language: de-evil@evil.example\r\n folded: evil',
    'User-Agent: Firefox/1 Windows NT evil\r\nX-Evil: evil',
    'Accept-Language: en\r\nSubject: evil\r\nBcc: evil@evil.example',
  ])('as the header %j is in no mail (REC-06, REC-11)', async (header) => {
    const email = await newUser();
    const status = await sendBytes('/v1/auth/password-reset', { email }, header);
    if (status !== 202) return expect([400, 431]).toContain(status);
    await resolveRequests(app);
    await startDelivery(app);
    await untilOutcomes(email, ['sent']);
    const [first = expect.fail('nothing arrived')] = receivedBy(email);
    expectNothingInjected(first, email);
    expect(contentOf(first)).not.toContain('evil');
  });

  it('as a profile or a user agent is in no mail, which names the device by words of ours (REC-11)', async () => {
    const changes = { mailNotices: ['unknown_device', 'password_changed'] as const, trustedProxies: ['127.0.0.1'] };
    const telling = await start({ ...mailSettings(server.port), ...changes });
    const email = newAddress();
    const evil = 'evil\r\nBcc: evil@evil.example\r\n\r\n<a href="https://evil.example">';
    await addVerifiedUser(telling, email);
    await telling.query('UPDATE users SET profile = $2 WHERE email = $1', [email, JSON.stringify({ name: evil })]);
    const logIn = (address: string, userAgent: string): Promise<unknown> =>
      telling.call('POST', '/v1/auth/login', {
        json: { email, password: PASSWORD },
        headers: { 'x-forwarded-for': address, 'user-agent': userAgent, 'accept-language': 'de' },
      });
    await logIn('192.0.2.1', 'evil');
    await logIn(
      '198.51.100.1',
      'Firefox/1 (Windows NT) evil <evil@evil.example>, "evil" https://evil.example call 0900',
    );
    await expect.poll(() => mailsTo(email, telling)).toHaveLength(1);
    await startDelivery(telling);
    await untilOutcomes(email, ['sent'], telling);
    // Not a second within the time of the limit, which is set back here.
    await telling.query(`UPDATE mails SET created_at = created_at - $1::interval`, [DAY]);
    await logIn('203.0.113.1', 'evil/1.0');
    await expect.poll(() => mailsTo(email, telling)).toHaveLength(2);
    await startDelivery(telling);
    await untilOutcomes(email, ['sent', 'sent'], telling);
    const both = receivedBy(email);
    for (const each of both) {
      expectNothingInjected(each, email);
      expect(contentOf(each)).not.toMatch(/evil|0900/);
    }
    const texts = both.map(({ mail }) => mail.text ?? '');
    expect(texts).toEqual([
      expect.stringContaining('von Firefox unter Windows aus'),
      expect.stringContaining('von einem unbekannten Gerät aus'),
    ]);
  });

  it.each(['Notes\r\nBcc: evil@evil.example', 'Notes\nX-Evil: evil', 'Notes\0', 'Notes\u2028evil', 'Notes,,evil'])(
    'as the name of the service %j is refused at the start (REC-06)',
    (SERVICE_NAME) => {
      expect(() => parseSettings({ SERVICE_NAME })).toThrow('SERVICE_NAME');
    },
  );

  it.each([
    'Notes\r\nBcc: evil@evil.example\r\n\r\nevil\0',
    '"Notes" <evil@evil.example>, evil@evil.example; =?utf-8?q?=0D=0ABcc=3A_evil=40evil.example?= {{link}}',
  ])('as the name of the service %j would change words alone (REC-06)', async (serviceName) => {
    const naming = await start({ ...mailSettings(server.port), serviceName });
    const recipient = newAddress();
    await queueMail({ recipient }, naming);
    await startDelivery(naming);
    await untilOutcomes(recipient, ['sent'], naming);
    const [first = expect.fail('nothing arrived')] = receivedBy(recipient);
    expectNothingInjected(first, recipient);
    expect(first.mail.html).not.toContain('<evil');
  });
});

describe('mail without a mail server', () => {
  it('is a file of this user alone beside an embedded database; the log names the file, and neither link nor address (LOG-01)', async () => {
    const dataDir = newFolder('data');
    const changes = { isEmbedded: true, dataDir, issuer: ISSUER, serviceName: 'Notes' };
    const embedded = await start(changes);
    const email = await newUser(embedded);
    await askForReset(email, { 'accept-language': 'de' }, embedded);
    const token = await tokenOf(email, embedded);
    await startDelivery(embedded);
    const [{ id } = expect.fail('no mail')] = await untilOutcomes(email, ['sent'], embedded);
    const [name = expect.fail('no file'), ...more] = readdirSync(join(dataDir, 'mail'));
    expect(more).toEqual([]);
    const file = join(dataDir, 'mail', name);
    expect([statSync(file).mode & 0o777, statSync(join(dataDir, 'mail')).mode & 0o777]).toEqual([0o600, 0o700]);
    const text = readFileSync(file, 'utf8');
    expect(text).toContain(`To: ${email}\r\n`);
    expect(text).toContain(`Message-ID: <${id}@localhost>\r\n`);
    expect(text).toContain('Auto-Submitted: auto-generated\r\n');
    expect(text.replaceAll('=\r\n', '').replaceAll('=3D', '=')).toContain(`#token=${token}`);
    expect(linesOf('mail_written')).toMatchObject([
      { context: 'Mail', template: 'reset_password', msg: `There is no mail server (SMTP_URL): it is in ${file}` },
    ]);
    expectNoSecret(JSON.stringify(allLines()));
  });

  it('is not written at all with a database of its own: nothing waits for ever', async () => {
    const silent = await start({ mailNotices: ['password_changed', 'account_deleted'] });
    const email = await addVerifiedUser(silent);
    const { token } = await silent.signInAs(email);
    expect(await queueMail({ recipient: email }, silent)).toBe(false);
    const json = { currentPassword: PASSWORD, newPassword: 'quite another passphrase' };
    expect((await silent.call('POST', '/v1/users/me/password', { token, json })).status).toBeLessThan(300);
    const asking = ['/v1/auth/password-reset', '/v1/auth/email-verification'];
    for (const path of asking) expect((await silent.call('POST', path, { json: { email } })).status).toBe(404);
    expect(await silent.query('SELECT id FROM mails UNION ALL SELECT id FROM mail_requests')).toEqual([]);
    expect(silent.nest.get(BackgroundJobs, { strict: false }).failureCounts()).not.toHaveProperty('deliver mail');
  });
});

describe('mails that are done', () => {
  it('are deleted after a day, and those that wait are not', async () => {
    const row = (name: string, done: string | null, created: string): Promise<unknown> =>
      app.query(
        `INSERT INTO mails (id, template, recipient, recipient_lower, language, created_at, available_at, outcome, done_at)
         VALUES (gen_random_uuid(), 'test', $1, $1, 'en', now() - $3::interval, $4, $5::mail_outcome, now() - $2::interval)`,
        [name, done, created, done === null ? '2100-01-01' : null, done === null ? null : name.split('-')[0]],
      );
    for (const outcome of ['sent', 'failed', 'outdated']) {
      await row(`${outcome}-day-ago@example.com`, '1 day 1 second', '3 days');
      await row(`${outcome}-lately@example.com`, '23 hours', '3 days');
    }
    await row('waiting@example.com', null, '3 days');
    await app.nest.get(BackgroundJobs, { strict: false }).runJob('purge mails');
    const left = await app.query<{ recipient: string }>(
      `SELECT recipient FROM mails WHERE recipient = 'waiting@example.com' OR recipient ~ '-(day-ago|lately)@' ORDER BY 1`,
    );
    expect(left.map(({ recipient }) => recipient)).toEqual(
      ['failed-lately', 'outdated-lately', 'sent-lately', 'waiting'].map((name) => `${name}@example.com`),
    );
    await app.query(`DELETE FROM mails WHERE recipient = 'waiting@example.com'`);
  });
});

describe('the token, the link and the address of a mail', () => {
  it('are in no log line, audit event, metric or stored failure, however the mail ends (LOG-01, RT-05)', async () => {
    const emails: string[] = [];
    const told: Replies[] = [
      {},
      { recipient: { code: 550, text: '5.1.1 unknown' } },
      { recipient: { code: 450, text: '4.2.0 greylisted' } },
      { mail: { code: 554, text: '5.6.0 bad content' } },
    ];
    for (const each of told) {
      const email = await newUser();
      emails.push(email);
      replies = { recipient: { code: 450, text: '4.2.0 not yet' } };
      await askForReset(email);
      await startDelivery(app);
      await untilRetried(email, 1);
      const link = `${ISSUER}/account/reset-password?lang=en#token=${await tokenOf(email)}`;
      // A server repeats what it has heard.
      replies = Object.fromEntries(
        Object.entries(each).map(([step, { code, text }]) => [step, { code, text: `${text} <${email}> ${link}` }]),
      );
      await deliverNow();
      const isDone = async (): Promise<unknown> => {
        const [row] = await mailsTo(email);
        return row !== undefined && row.attempts > 1 && (row.outcome !== null || Number(row.seconds) < SOON_SECONDS);
      };
      await expect.poll(isDone).toBe(true);
    }
    const rows = await app.query(
      `SELECT outcome, failure, details FROM mails WHERE recipient = ANY($1)
       UNION ALL SELECT NULL, event, details FROM audit_events WHERE event = 'mail_failed'`,
      [emails],
    );
    expect(rows.length).toBeGreaterThanOrEqual(6);
    for (const text of [JSON.stringify(rows), await scrape(), JSON.stringify(allLines())]) {
      expectNoSecret(text);
      expect(text).not.toContain('#token=');
      for (const email of emails) expect(text).not.toContain(email);
    }
    const stored = await app.query('SELECT to_jsonb(t) AS row FROM one_time_tokens t');
    for (const email of emails) expect(JSON.stringify(stored)).not.toContain(await tokenOf(email));
  });
});

describe('an application that ends', () => {
  it('closes its connection to a mail server that hangs, and leaves the mail to others', async () => {
    const hanging = await MailServer.start({ onData: (stream) => void stream.resume() });
    const proxy = await TcpProxy.start(new URL(`tcp://127.0.0.1:${hanging.port}`));
    const ending = await start(mailSettings(proxy.port));
    const recipient = newAddress();
    await queueMail({ recipient }, ending);
    await startDelivery(ending);
    await expect.poll(() => proxy.connections).toBe(1);
    const before = performance.now();
    await ending.nest.close();
    // It is waited for two seconds.
    expect(performance.now() - before).toBeLessThan(6000);
    await expect.poll(() => proxy.connections).toBe(0);
    expect(await mailsTo(recipient, ending)).toMatchObject([
      { outcome: null, attempts: 1, seconds: expect.any(Number) },
    ]);
  });
});
