import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { beforeAll, describe, expect, it, onTestFinished, vi, type Mock } from 'vitest';
import { AuditRepository } from '../../src/audit/audit.repository.js';
import { PrismaService } from '../../src/database/prisma.service.js';
import { GracefulShutdown } from '../../src/health/graceful-shutdown.js';
import { AccountExportService } from '../../src/users/account-export.service.js';
import { ROWS_PER_PAGE } from '../../src/users/export-json.js';
import { Users } from '../../src/users/users.js';
import { afterAllTests, createDatabase, PASSWORD, startApp, type Answer, type TestApp } from '../support/app.js';
import { tokensOf, type SignedIn } from '../support/client.js';
import { expectNoSecret } from '../support/secret-detection.js';
import { TcpProxy, proxiedUrl } from '../support/tcp-proxy.js';
import { expectTimeNear } from '../support/timestamps.js';

const PATH = '/v1/users/me/export';
/** With {@link FILLER} in each of them 40 MB, of which the sockets of a connection hold some ten. */
const MANY = 20_000;
const FILLER = 2000;
const PAGES = MANY / ROWS_PER_PAGE;

let app: TestApp;
const onFinished = afterAllTests();
beforeAll(async () => {
  app = await startApp({}, onFinished);
});

const askFor = (token: string, from = app): Promise<Answer> => from.call('GET', PATH, { token });

const outcomeOf = ({ status, headers, body }: Answer): unknown[] => [
  status,
  body['code'],
  headers.get('www-authenticate'),
];

const TOO_OLD = [
  401,
  'insufficient_user_authentication',
  'Bearer realm="gatehouse", error="insufficient_user_authentication", max_age=600',
];

async function setLoginAge({ sessionId }: SignedIn, seconds: number): Promise<void> {
  await app.query('UPDATE sessions SET created_at = now() - make_interval(secs => $2) WHERE id = $1', [
    sessionId,
    seconds,
  ]);
}

async function addEvents(to: TestApp, { userId }: SignedIn, count: number, filler = 0): Promise<void> {
  await to.query(
    `INSERT INTO audit_events (event, actor, user_id, details)
     SELECT 'added', 'system', $1::uuid, jsonb_build_object('number', n, 'filler', repeat('x', $3::int))
     FROM generate_series(1, $2::int) n`,
    [userId, count, filler],
  );
}

/** The response, of which nothing is read yet. */
async function open(from: TestApp, { token }: SignedIn, options: { method?: string; agent?: Agent } = {}) {
  const headers = { authorization: `Bearer ${token}` };
  const asking = request(`${from.url}${PATH}`, { agent: new Agent(), ...options, headers });
  onTestFinished(() => void asking.destroy());
  asking.on('error', () => undefined).end();
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  return response;
}

interface Received {
  readonly isComplete: boolean;
  readonly text: string;
}

async function receive(response: IncomingMessage): Promise<Received> {
  let text = '';
  response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  await new Promise((resolve) => response.on('error', () => undefined).once('close', resolve));
  return { isComplete: response.complete, text };
}

interface Export {
  readonly sessions: { readonly id: string }[];
  readonly auditEvents: { readonly event: string; readonly details: { readonly number?: number } }[];
}

function numbersOf({ text }: Received): (number | undefined)[] {
  const { auditEvents } = JSON.parse(text) as Export;
  return auditEvents.filter(({ event }) => event === 'added').map(({ details }) => details.number);
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

/** Counts the pages of events that are read. */
function watchPages(of: TestApp): Mock {
  const pages = vi.spyOn(of.nest.get(AuditRepository, { strict: false }), 'listUserEventsAfter');
  onTestFinished(() => pages.mockRestore());
  return pages;
}

/** Waits until no more pages are read. */
async function untilQuiet(pages: Mock): Promise<number> {
  let last = 0;
  const isQuiet = (): boolean => {
    const { length } = pages.mock.calls;
    const isSame = length > 0 && length === last;
    last = length;
    return isSame;
  };
  await expect.poll(isQuiet, { interval: 300, timeout: 20_000 }).toBe(true);
  return last;
}

/** An export with many events whose client does not read yet. */
async function openUnread(from = app) {
  const user = await from.signIn();
  await addEvents(from, user, MANY, FILLER);
  const pages = watchPages(from);
  const starting = vi.spyOn(from.nest.get(AccountExportService, { strict: false }), 'startExport');
  const connecting = once(from.nest.getHttpServer(), 'connection');
  const response = await open(from, user);
  const [connection] = (await connecting) as [Socket];
  const [started] = starting.mock.results;
  starting.mockRestore();
  const pieces = await (started?.value as ReturnType<AccountExportService['startExport']>);
  const read = await untilQuiet(pages);
  return { user, response, pages, read, connection, pieces };
}

describe('the export of an account', () => {
  it('has everything that is kept about the caller, in this form, and no secret', async () => {
    // Without limits no device is known.
    const limited = await startApp({ databaseUrl: app.databaseUrl, changes: { rateLimits: 'on' } });
    const first = await limited.signIn();
    const login = await limited.call('POST', '/v1/auth/login', {
      json: { email: first.email, password: PASSWORD },
      headers: { 'user-agent': 'a browser/1.0' },
    });
    const { token, refreshToken } = tokensOf(login);
    await app.logout(first.token);
    await app.call('PATCH', '/v1/users/me', { token, json: { profile: { name: 'Ada 👩' } } });
    await app.nest.get(Users, { strict: false }).setAppData(first.userId, { plan: 'paid' });
    const renewed = tokensOf(await app.refresh(refreshToken));
    const answer = await askFor(renewed.token);
    expect([answer.status, answer.headers.get('content-type'), answer.headers.get('content-disposition')]).toEqual([
      200,
      'application/json; charset=utf-8',
      'attachment; filename="export.json"',
    ]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const rowsOf = async (sql: string): Promise<unknown> =>
      JSON.parse(JSON.stringify(await app.query(`${sql} WHERE user_id = $1 ORDER BY id`, [first.userId])));
    expect(answer.body).toEqual({
      user: {
        id: first.userId,
        email: first.email,
        emailVerified: false,
        roles: [],
        profile: { name: 'Ada 👩' },
        createdAt: expect.any(String) as string,
        appData: { plan: 'paid' },
        disabledAt: null,
      },
      sessions: await rowsOf(`
        SELECT id, created_at AS "createdAt", refreshed_at AS "refreshedAt", ended_at AS "endedAt",
               user_agent AS "userAgent", network FROM sessions`),
      devices: await rowsOf('SELECT id, created_at AS "createdAt", used_at AS "usedAt" FROM devices'),
      links: [],
      mails: [],
      auditEvents: await rowsOf(`
        SELECT id::text, occurred_at AS "occurredAt", event, actor, session_id AS "sessionId", address,
               user_agent AS "userAgent", details FROM audit_events`),
    });
    expect(Object.keys(answer.body)).toEqual(['user', 'sessions', 'devices', 'links', 'mails', 'auditEvents']);
    const [sessions, devices, events] = ['sessions', 'devices', 'auditEvents'].map(
      (name) => answer.body[name] as Record<string, unknown>[],
    );
    expect(sessions).toMatchObject([
      { id: first.sessionId, network: '127.0.0.0/24', userAgent: 'node', endedAt: expect.any(String) as string },
      { userAgent: 'a browser/1.0', endedAt: null },
    ]);
    for (const name of ['createdAt', 'refreshedAt', 'endedAt']) expectTimeNear(sessions?.[0]?.[name]);
    expect(devices).toHaveLength(2);
    expect(events?.map(({ event }) => event)).toEqual([
      'user_registered',
      'session_started',
      'session_started',
      'session_ended',
      'app_data_changed',
    ]);
    const text = JSON.stringify(answer.body);
    for (const secret of [token, refreshToken, renewed.refreshToken, String(login.body['deviceToken']), '$argon2'])
      expect(text).not.toContain(secret);
    expectNoSecret(text);
  });

  it("has none of another user's rows (ACC-02)", async () => {
    const [user, other] = [await app.signIn(), await app.signIn()];
    await addEvents(app, other, 3);
    await addEvents(app, user, 2);
    const { body } = await askFor(user.token);
    expect(numbersOf({ isComplete: true, text: JSON.stringify(body) })).toEqual([1, 2]);
    for (const theirs of [other.userId, other.email, other.sessionId])
      expect(JSON.stringify(body)).not.toContain(theirs);
  });

  it('has every session, however many have the same time', async () => {
    const user = await app.signIn();
    const count = 2 * ROWS_PER_PAGE + 7;
    await app.query(
      `INSERT INTO sessions (id, user_id, created_at, ended_at)
       SELECT gen_random_uuid(), $1::uuid, now() - make_interval(days => 1 + n % 3), now() FROM generate_series(1, $2::int) n`,
      [user.userId, count],
    );
    const { sessions } = (await askFor(user.token)).body as unknown as Export;
    expect(new Set(sessions.map(({ id }) => id)).size).toBe(count + 1);
    expect(sessions).toHaveLength(count + 1);
    expect(sessions.at(-1)?.id).toBe(user.sessionId);
  });

  it('has a list for every table that says whose its rows are', async () => {
    const tables = await app.query<{ name: string }>(
      `SELECT table_name AS name FROM information_schema.columns
       WHERE table_schema = 'public' AND column_name = 'user_id' ORDER BY 1`,
    );
    // Another one needs an entry in `src/users/exported-lists.ts`, or a reason here why it has none.
    expect(tables.map(({ name }) => name)).toEqual(['audit_events', 'devices', 'mails', 'one_time_tokens', 'sessions']);
  });

  it('is answered to HEAD without reading the lists', async () => {
    const user = await app.signIn();
    const pages = watchPages(app);
    const [full, head] = [await open(app, user), await open(app, user, { method: 'HEAD' })];
    const named = ['content-type', 'content-disposition', 'cache-control'];
    expect([head.statusCode, named.map((name) => head.headers[name])]).toEqual([
      200,
      named.map((name) => full.headers[name]),
    ]);
    expect(JSON.parse((await receive(full)).text)).toMatchObject({ user: { id: user.userId } });
    expect(await receive(head)).toEqual({ isComplete: true, text: '' });
    expect(pages).toHaveBeenCalledTimes(1);
  });

  it('leaves its connection to the next request', async () => {
    const user = await app.signIn();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const ports = [];
    // After a HEAD without Content-Length Node's client opens another.
    for (const method of ['GET', 'GET', 'HEAD']) {
      const response = await open(app, user, { method, agent });
      ports.push(response.socket.localPort);
      expect((await receive(response)).isComplete).toBe(true);
    }
    expect(ports).toEqual([ports[0], ports[0], ports[0]]);
  });
});

describe('the login of an export', () => {
  it('may be ten minutes ago, and no more, whatever was refreshed since', async () => {
    const user = await app.signIn();
    await setLoginAge(user, 595);
    expect((await askFor(user.token)).status).toBe(200);
    await setLoginAge(user, 601);
    expect(outcomeOf(await askFor(user.token))).toEqual(TOO_OLD);
    await setLoginAge(user, 660);
    expect(outcomeOf(await askFor(user.token))).toEqual(TOO_OLD);
    const { token } = tokensOf(await app.refresh(user.refreshToken));
    expect(outcomeOf(await askFor(token))).toEqual(TOO_OLD);
    expect((await open(app, user, { method: 'HEAD' })).statusCode).toBe(401);
    // Another login is not that of this session.
    const again = await app.signInAs(user.email);
    expect((await askFor(again.token)).status).toBe(200);
    expect(outcomeOf(await askFor(token))).toEqual(TOO_OLD);
  });

  it.each([
    ['ended', 'UPDATE sessions SET ended_at = now() WHERE id = $1'],
    ['been deleted', 'DELETE FROM sessions WHERE id = $1'],
  ])('is none whose session has %s, also if no node has heard of it', async (_case, sql) => {
    const user = await app.signIn();
    await app.query(sql, [user.sessionId]);
    expect((await app.me(user.token)).status).toBe(200);
    const { status, body } = await askFor(user.token);
    expect([status, body['code']]).toEqual([401, 'token_revoked']);
  });
});

it('a user has five exports in an hour, of which refused ones are none', async () => {
  const limited = await startApp({ databaseUrl: app.databaseUrl, changes: { rateLimits: 'on' } });
  const [user, other] = [await app.signIn(), await app.signIn()];
  await setLoginAge(user, 660);
  for (let turn = 0; turn < 6; turn++) expect((await askFor(user.token, limited)).status).toBe(401);
  await setLoginAge(user, 0);
  for (let turn = 0; turn < 5; turn++) expect((await askFor(user.token, limited)).status).toBe(200);
  const { status, headers } = await askFor(user.token, limited);
  expect([status, headers.get('ratelimit-policy')]).toEqual([429, '"export-user";q=5;w=3600']);
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(600);
  expect((await askFor(other.token, limited)).status).toBe(200);
});

describe('an export of many rows', () => {
  it(
    'is read no faster than its client reads, holds no connection meanwhile, and arrives complete and in order',
    { timeout: 60_000 },
    async () => {
      const { response, pages, read } = await openUnread();
      expect(read).toBeLessThan(PAGES * 0.75);
      const { total, idle, waiting } = app.nest.get(PrismaService, { strict: false }).poolStats();
      expect([total - idle, waiting]).toEqual([0, 0]);
      const received = await receive(response);
      expect(received.isComplete).toBe(true);
      expect(numbersOf(received)).toEqual(numbers(MANY));
      expect(pages.mock.calls.length).toBe(PAGES + 1);
    },
  );

  it('is no longer read once its client has left (FLT-18)', { timeout: 60_000 }, async () => {
    const { response, connection, pieces, pages, read } = await openUnread();
    response.destroy();
    await new Promise((resolve) => connection.once('close', resolve));
    await setImmediate();
    expect(await pieces.next()).toEqual({ done: true, value: undefined });
    expect(pages.mock.calls.length).toBeLessThanOrEqual(read + 1);
  });

  it('is cut off, and no longer read, if its client does not read it', { timeout: 60_000 }, async () => {
    const { connection, pieces, pages, read } = await openUnread();
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const isClosedLater = (): boolean => {
      vi.advanceTimersByTime(600_000);
      return connection.closed;
    };
    await expect.poll(isClosedLater, { interval: 500, timeout: 15_000 }).toBe(true);
    expect(app.log().some(({ msg }) => msg === 'slow reader')).toBe(true);
    expect(await pieces.next()).toEqual({ done: true, value: undefined });
    expect(pages.mock.calls.length).toBeLessThanOrEqual(read + 1);
  });

  it.each<[string, (user: SignedIn) => Promise<Answer>]>([
    ['its session ends', async ({ email }) => app.logout((await app.signInAs(email)).token, 'others')],
    [
      'its user is deleted',
      ({ token }) => app.call('POST', '/v1/users/me/deletion', { token, json: { currentPassword: PASSWORD } }),
    ],
  ])('is cut off if %s meanwhile', { timeout: 60_000 }, async (_case, end) => {
    const { user, response, pages, read } = await openUnread();
    expect((await end(user)).status).toBe(204);
    const { isComplete, text } = await receive(response);
    expect(isComplete).toBe(false);
    expect(() => JSON.parse(text) as unknown).toThrow();
    expect(pages.mock.calls.length).toBeLessThanOrEqual(read + 1);
  });

  it('is finished by a node that shuts down meanwhile', { timeout: 60_000 }, async () => {
    const node = await startApp();
    const { response } = await openUnread(node);
    const { server } = node.nest.getHttpAdapter().getInstance();
    const drained = node.nest
      .get(GracefulShutdown, { strict: false })
      .drainServer(server, new AbortController().signal)
      .then(() => node.nest.close());
    const received = await receive(response);
    expect(received.isComplete).toBe(true);
    expect(numbersOf(received)).toEqual(numbers(MANY));
    await drained;
  });
});

it(
  'an export that loses the database, at whatever moment, is 503 or cut off, and never seems complete (FLT-01)',
  { timeout: 120_000 },
  async () => {
    const databaseUrl = await createDatabase();
    const proxy = await TcpProxy.start(new URL(databaseUrl));
    const behind = await startApp({ databaseUrl: proxiedUrl(proxy, databaseUrl) });
    const user = await behind.signIn();
    const count = 2 * ROWS_PER_PAGE + 10;
    await addEvents(behind, user, count);
    const outcomes: string[] = [];
    for (let packet = 1; ; packet++) {
      const endCutting = proxy.cutAtPacket(packet, 'answers');
      const before = behind.log().length;
      const response = await open(behind, user);
      const received = await receive(response);
      const wasCut = endCutting();
      const outcome = `${response.statusCode}${received.isComplete ? '' : ' cut off'}`;
      if (!wasCut) {
        expect([outcome, numbersOf(received)]).toEqual(['200', numbers(count)]);
        break;
      }
      const errors = behind
        .log()
        .slice(before)
        .filter(({ level }) => level === 50);
      expect(errors.map(({ msg }) => msg === 'export cut off')).toEqual([outcome !== '503']);
      if (outcome === '503') expect(JSON.parse(received.text)).toMatchObject({ code: 'service_unavailable' });
      else expect(() => JSON.parse(received.text) as unknown).toThrow();
      outcomes.push(outcome);
    }
    expect(new Set(outcomes)).toEqual(new Set(['503', '200 cut off']));
  },
);
