import { once } from 'node:events';
import type { Socket } from 'node:net';
import pg from 'pg';
import { SMTPServer } from 'smtp-server';
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Config } from '../../src/config/config.js';
import { MailDeliveryService } from '../../src/mail/mail-delivery.service.js';
import { afterAllTests, createDatabase, query, startApp, type TestApp } from '../support/app.js';
import { startNode, waitForExit, type Node } from '../support/processes.js';
import { TcpProxy, proxiedUrl } from '../support/tcp-proxy.js';

const FROM = 'accounts@service.example';
/** Of each process (`MAX_CONNECTIONS`). */
const CONNECTIONS = 4;
/** The delays after the first attempts are shorter; that of a mail which is under way is longer. */
const SOON = `interval '60 seconds'`;

/** A mail that the server has heard to its end, and not answered yet. */
interface HeardMail {
  /** Of the `Message-ID`. */
  readonly id: string;
  readonly accept: () => void;
  readonly refuse: (code: number, text: string) => void;
  readonly breakConnection: () => void;
}

interface CountingServer {
  readonly port: number;
  /** The ids of all mails that it has heard to their end, in this order, however often. */
  readonly heard: string[];
}

/** A mail server that treats each mail as the test says. */
async function startServer(
  onMail: (mail: HeardMail) => unknown,
  onFinished: OnFinished = onTestFinished,
): Promise<CountingServer> {
  const sockets = new Map<number | undefined, Socket>();
  const heard: string[] = [];
  const smtp = new SMTPServer({
    hideSTARTTLS: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    disableReverseLookup: true,
    onData: (stream, { remotePort }, done) => {
      let text = '';
      stream.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
      stream.on('end', () => {
        const id = /^Message-ID: <([\da-f-]{36})@service\.example>\r$/m.exec(text)?.[1] ?? text;
        heard.push(id);
        void onMail({
          id,
          accept: () => done(null, '2.0.0 queued'),
          refuse: (code, reply) => done(Object.assign(new Error(reply), { responseCode: code })),
          breakConnection: () => sockets.get(remotePort)?.resetAndDestroy(),
        });
      });
    },
  });
  smtp.on('error', () => undefined);
  smtp.server.on('connection', (socket: Socket) => {
    const { remotePort } = socket;
    sockets.set(remotePort, socket);
    socket.once('close', () => sockets.delete(remotePort));
  });
  await new Promise<void>((listening) => smtp.listen(0, '127.0.0.1', listening));
  onFinished(() => {
    for (const socket of sockets.values()) socket.destroy();
    return new Promise((closed) => smtp.close(() => closed()));
  });
  const address = smtp.server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, heard };
}

const mailSettings = (port: number): Partial<Config> => ({ smtpUrl: `smtp://127.0.0.1:${port}`, mailFrom: FROM });

type OnFinished = (clean: () => Promise<void>) => void;

const startMailingNode = (databaseUrl: string, port: number, onFinished?: OnFinished): Promise<Node> =>
  startNode(
    databaseUrl,
    { SMTP_URL: `smtp://127.0.0.1:${port}`, MAIL_FROM: FROM, ISSUER: 'https://service.example' },
    onFinished,
  );

/** @returns their ids */
async function insertMails(databaseUrl: string, count: number): Promise<string[]> {
  const rows = await query<{ id: string }>(
    databaseUrl,
    `INSERT INTO mails (id, template, recipient, recipient_lower, language)
     SELECT gen_random_uuid(), 'test', 'u' || n || '@example.com', 'u' || n || '@example.com', 'en' FROM generate_series(1, $1::int) n
     RETURNING id`,
    [count],
  );
  return rows.map(({ id }) => id);
}

interface MailRow {
  readonly outcome: string | null;
  readonly attempts: number;
  /** Until another process takes it. */
  readonly seconds: number | null;
}

async function mailOf(databaseUrl: string, id: string | undefined): Promise<MailRow> {
  const [row = expect.fail('no mail')] = await query<MailRow & Record<string, unknown>>(
    databaseUrl,
    'SELECT outcome::text, attempts, extract(epoch FROM available_at - now())::float8 AS seconds FROM mails WHERE id = $1',
    [id],
  );
  return row;
}

/** How many mails there are by what has become of them. */
async function outcomes(databaseUrl: string): Promise<Record<string, number>> {
  const rows = await query<{ outcome: string; count: number }>(
    databaseUrl,
    `SELECT coalesce(outcome::text, 'waiting') AS outcome, count(*)::int FROM mails GROUP BY 1`,
  );
  return Object.fromEntries(rows.map(({ outcome, count }) => [outcome, count]));
}

/** Lets its time be over in which no other process takes it. */
const endLease = (databaseUrl: string, id: string | undefined): Promise<unknown> =>
  query(databaseUrl, 'UPDATE mails SET available_at = now() WHERE id = $1 AND outcome IS NULL', [id]);

async function untilSent(databaseUrl: string, id: string | undefined): Promise<void> {
  await expect.poll(async () => (await mailOf(databaseUrl, id)).outcome).toBe('sent');
}

const deliveryOf = ({ nest }: TestApp): MailDeliveryService => nest.get(MailDeliveryService, { strict: false });

function countsOf(ids: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

/** One mail in eight three or one times; ids are random. */
const breaksOf = (id: string): number => (id < '02' ? 3 : id < '20' ? 1 : 0);

describe('three nodes', { timeout: 120_000 }, () => {
  let onMail: (mail: HeardMail) => unknown;
  let server: CountingServer;
  let databaseUrl: string;
  const onFinished = afterAllTests();
  /** Two applications in this process, and one in a process of its own. */
  beforeAll(async () => {
    server = await startServer((mail) => onMail(mail), onFinished);
    databaseUrl = await createDatabase(onFinished);
    const changes = mailSettings(server.port);
    await Promise.all([
      startApp({ databaseUrl, changes }, onFinished),
      startApp({ databaseUrl, changes }, onFinished),
      startMailingNode(databaseUrl, server.port, onFinished),
    ]);
  });
  beforeEach(async () => {
    await query(databaseUrl, 'DELETE FROM mails');
    server.heard.length = 0;
  });

  it('deliver a thousand mails together, each exactly once (REC-11)', async () => {
    const waiting: HeardMail[] = [];
    onMail = (mail) => waiting.push(mail);
    const ids = await insertMails(databaseUrl, 1000);
    // Each of them has taken as many as it has connections.
    await expect.poll(() => waiting.length, { timeout: 30_000 }).toBe(3 * CONNECTIONS);
    onMail = (mail) => mail.accept();
    for (const mail of waiting) mail.accept();
    await expect.poll(() => outcomes(databaseUrl), { timeout: 60_000, interval: 200 }).toEqual({ sent: 1000 });
    expect(server.heard.toSorted()).toEqual(ids.toSorted());
    expect(await query(databaseUrl, 'SELECT DISTINCT attempts FROM mails')).toEqual([{ attempts: 1 }]);
  });

  it('lose none where the server breaks connections, and repeat only those whose connection broke (FLT-20)', async () => {
    const breaks = new Map<string, number>();
    onMail = (mail) => {
      const count = breaks.get(mail.id) ?? 0;
      if (count === breaksOf(mail.id)) return mail.accept();
      breaks.set(mail.id, count + 1);
      mail.breakConnection();
    };
    const ids = await insertMails(databaseUrl, 1000);
    const retryAndCount = async (): Promise<Record<string, number>> => {
      await query(
        databaseUrl,
        `UPDATE mails SET available_at = now() WHERE outcome IS NULL AND available_at > now() AND available_at < now() + ${SOON}`,
      );
      return outcomes(databaseUrl);
    };
    await expect.poll(retryAndCount, { timeout: 60_000, interval: 200 }).toEqual({ sent: 1000 });
    expect(breaks.size).toBeGreaterThan(20);
    const expected = ids.map((id) => [id, 1 + breaksOf(id)] as const);
    expect(countsOf(server.heard)).toEqual(new Map(expected));
  });
});

describe('a node', { timeout: 120_000 }, () => {
  it('that is killed between the answer of the server and its own note of it is stood in for: the same mail again, after its lease (REC-11)', async () => {
    const databaseUrl = await createDatabase();
    const lock = new pg.Client({ connectionString: databaseUrl });
    await lock.connect();
    let isFirst = true;
    const server = await startServer(async (mail) => {
      // The node is held at its note.
      if (isFirst) await lock.query(`BEGIN; SELECT 1 FROM mails WHERE id = '${mail.id}' FOR UPDATE`);
      isFirst = false;
      mail.accept();
    });
    const node = await startMailingNode(databaseUrl, server.port);
    const [id] = await insertMails(databaseUrl, 1);
    const blocked = `SELECT 1 FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ~ 'UPDATE mails'`;
    await expect.poll(() => query(databaseUrl, blocked), { interval: 10 }).toHaveLength(1);
    const ended = once(node.process, 'close');
    node.process.kill('SIGKILL');
    await ended;
    await lock.end();

    const other = await startApp({ databaseUrl, changes: mailSettings(server.port) });
    const { outcome, attempts, seconds } = await mailOf(databaseUrl, id);
    expect([outcome, attempts]).toEqual([null, 1]);
    // Longer than a mail may take (two minutes) from its start.
    expect(Number(seconds)).toBeGreaterThan(120 - 20);
    const [later] = await insertMails(databaseUrl, 1);
    await deliveryOf(other).startDeliveries();
    await untilSent(databaseUrl, later);
    expect(server.heard).toEqual([id, later]);
    await endLease(databaseUrl, id);
    await untilSent(databaseUrl, id);
    expect(server.heard).toEqual([id, later, id]);
  });

  it('that loses the database after the answer of the server sends the same mail again, and logs no more than its id (REC-11)', async () => {
    const databaseUrl = await createDatabase();
    const proxy = await TcpProxy.start(new URL(databaseUrl));
    let isFirst = true;
    const server = await startServer((mail) => {
      if (isFirst) proxy.cut();
      isFirst = false;
      mail.accept();
    });
    const app = await startApp({ databaseUrl: proxiedUrl(proxy, databaseUrl), changes: mailSettings(server.port) });
    const [id] = await insertMails(databaseUrl, 1);
    const notes = (): Record<string, unknown>[] => app.log().filter(({ event }) => event === 'mail_not_marked');
    await expect.poll(notes).toMatchObject([{ level: 40, mail: id }]);
    expect(JSON.stringify(notes())).not.toContain('u1@example.com');
    proxy.restore();
    expect(await mailOf(databaseUrl, id)).toMatchObject({ outcome: null, attempts: 1 });
    await endLease(databaseUrl, id);
    await untilSent(databaseUrl, id);
    expect(server.heard).toEqual([id, id]);
  });

  it('whose mail was sent by another meanwhile changes nothing by its own answer, and tells of no failure', async () => {
    const databaseUrl = await createDatabase();
    const waiting: HeardMail[] = [];
    const server = await startServer((mail) => waiting.push(mail));
    const nodes = [
      await startApp({ databaseUrl, changes: mailSettings(server.port) }),
      await startApp({ databaseUrl, changes: mailSettings(server.port) }),
    ];
    const [id] = await insertMails(databaseUrl, 1);
    await expect.poll(() => waiting.length).toBe(1);
    await endLease(databaseUrl, id);
    await expect.poll(() => waiting.length).toBe(2);
    waiting[1]?.accept();
    await untilSent(databaseUrl, id);
    waiting[0]?.refuse(550, '5.1.1 no such user');
    const refusals = (): number => nodes.reduce((sum, node) => sum + deliveryOf(node).attemptCounts().refused, 0);
    await expect.poll(refusals).toBe(1);
    // They finish what they have begun.
    for (const { nest } of nodes) await nest.close();
    expect(await mailOf(databaseUrl, id)).toMatchObject({ outcome: 'sent', attempts: 2 });
    expect(await query(databaseUrl, `SELECT details FROM audit_events WHERE event = 'mail_failed'`)).toEqual([]);
    const done = nodes.map((node) => deliveryOf(node).outcomeCounts());
    expect(done.reduce((sum, { sent, failed }) => sum + sent + failed, 0)).toBe(1);
  });

  it('that ends while the server has not answered a mail ends in time, and another sends it (FLT-20)', async () => {
    const databaseUrl = await createDatabase();
    let isAnswering = false;
    const server = await startServer((mail) => isAnswering && mail.accept());
    const node = await startMailingNode(databaseUrl, server.port);
    const [id] = await insertMails(databaseUrl, 1);
    await expect.poll(() => server.heard).toEqual([id]);
    const exit = waitForExit(node);
    const start = performance.now();
    node.process.kill('SIGTERM');
    expect(await exit).toBe(0);
    // Two of them for the mail; SHUTDOWN_TIMEOUT_SECONDS is 25.
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(await mailOf(databaseUrl, id)).toMatchObject({ outcome: null, attempts: 1 });
    isAnswering = true;
    await startApp({ databaseUrl, changes: mailSettings(server.port) });
    await endLease(databaseUrl, id);
    await untilSent(databaseUrl, id);
    expect(server.heard).toEqual([id, id]);
  });

  it('that ends notes the answers that come while it waits for them', async () => {
    const waiting: HeardMail[] = [];
    const server = await startServer((mail) => waiting.push(mail));
    const app = await startApp({ changes: mailSettings(server.port) });
    await insertMails(app.databaseUrl, CONNECTIONS);
    await expect.poll(() => waiting.length).toBe(CONNECTIONS);
    const closed = app.nest.close();
    for (const mail of waiting) mail.accept();
    await closed;
    expect(await outcomes(app.databaseUrl)).toEqual({ sent: CONNECTIONS });
    expect(countsOf(server.heard).size).toBe(server.heard.length);
  });
});
