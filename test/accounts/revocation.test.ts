import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Config } from '../../src/config/config.js';
import { ChangeFeed } from '../../src/database/change-feed.js';
import { PrismaService } from '../../src/database/prisma.service.js';
import { MetricsServer } from '../../src/metrics/metrics.server.js';
import { REVOCATION_LIFE_SECONDS } from '../../src/revocation/revocation-lifetime.js';
import { RevocationsService } from '../../src/revocation/revocations.service.js';
import { RevocationsPurgeJob } from '../../src/revocation/revocations-purge.job.js';
import { createDatabase, PASSWORD, query, startApp, type Answer, type TestApp } from '../support/app.js';
import { claimsOf, tokensOf, type Client, type SignedIn } from '../support/client.js';
import { MASTER_SECRET, startNode, type Node } from '../support/processes.js';
import { TcpProxy, proxiedUrl } from '../support/tcp-proxy.js';

/** A node that reaches its database applies a revocation within this time. */
const BOUND_MS = 1000;
const REVOKED = '401 token_revoked';
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

let databaseUrl: string;
/** Two processes on one database: one revokes, the other is tested. */
let a: Client;
let b: Client;
let starting: Promise<void> | undefined;
const cleanups: (() => Promise<void>)[] = [];

// Started once for the file, and not in beforeAll, where expect.poll cannot be used.
beforeEach(() => (starting ??= startNodes()), 60_000);
afterAll(async () => {
  for (const clean of cleanups) await clean();
});

function afterFile(clean: () => Promise<void>): void {
  cleanups.unshift(clean);
}

async function startNodes(): Promise<void> {
  databaseUrl = await createDatabase(afterFile);
  const nodes = await Promise.all([1, 2].map(() => startNode(databaseUrl, {}, afterFile)));
  [a, b] = nodes.map(({ client }) => client) as [Client, Client];
}

/** A node's response to a token: `200`, or status and code of the refusal. */
async function verdict(node: Client, token: string): Promise<string> {
  const { status, body } = await node.me(token);
  return status === 200 ? '200' : `${status} ${String(body['code'])}`;
}

function verdicts(node: Client, tokens: readonly string[]): Promise<string[]> {
  return Promise.all(tokens.map((token) => verdict(node, token)));
}

/** Milliseconds from now until the node refuses all of the tokens as revoked. */
async function refusalMs(node: Client, ...tokens: string[]): Promise<number> {
  const startedAt = performance.now();
  const isRefused = (token: string) =>
    expect.poll(() => verdict(node, token), { interval: 5, timeout: 5 * BOUND_MS }).toBe(REVOKED);
  await Promise.all(tokens.map(isRefused));
  return performance.now() - startedAt;
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;
}

/** Starts this many sessions of one user, a few logins at a time. */
async function sessionsOf(node: Client, count: number): Promise<SignedIn[]> {
  const { email } = await node.signIn();
  const sessions: SignedIn[] = [];
  while (sessions.length < count) {
    const size = Math.min(4, count - sessions.length);
    sessions.push(...(await Promise.all(Array.from({ length: size }, () => node.signInAs(email)))));
  }
  return sessions;
}

async function logout(node: Client, { token }: SignedIn): Promise<void> {
  expect((await node.logout(token)).status).toBe(204);
}

/** Logs out on the first node and waits for the second, one session after another. */
async function revocationLagsMs(first: Client, second: Client, count: number): Promise<number[]> {
  const lags: number[] = [];
  for (const session of await sessionsOf(first, count)) {
    expect(await verdict(second, session.token)).toBe('200');
    await logout(first, session);
    lags.push(await refusalMs(second, session.token));
  }
  return lags;
}

function accessTokens(sessions: readonly SignedIn[]): string[] {
  return sessions.map(({ token }) => token);
}

function jtiOf(token: string): string {
  return String(claimsOf(token)['jti']);
}

/** Writes a revocation as a node does, but sends no notification. */
async function revokeJti(url: string, jti: string, ageSeconds = 0): Promise<void> {
  await query(
    url,
    `INSERT INTO revocations (kind, subject, created_at)
     VALUES ('jti', $1, clock_timestamp() - make_interval(secs => $2))`,
    [jti, ageSeconds],
  );
}

interface Pair {
  readonly mine: SignedIn;
  /** A later session of the same user. */
  readonly other: SignedIn;
}

type Cause = (pair: Pair) => Promise<Answer>;

function logoutByRefreshToken({ refreshToken }: SignedIn): Promise<Answer> {
  return a.call('POST', '/v1/auth/logout', { json: { refresh_token: refreshToken } });
}

function endSession({ token }: SignedIn, { sessionId }: SignedIn): Promise<Answer> {
  return a.call('DELETE', `/v1/auth/sessions/${sessionId}`, { token });
}

function changePassword({ token }: SignedIn): Promise<Answer> {
  const json = { currentPassword: PASSWORD, newPassword: 'another long passphrase' };
  return a.call('POST', '/v1/users/me/password', { token, json });
}

function deleteAccount({ token }: SignedIn): Promise<Answer> {
  return a.call('POST', '/v1/users/me/deletion', { token, json: { currentPassword: PASSWORD } });
}

async function loginBeyondTheCap({ email, userId }: SignedIn): Promise<Answer> {
  await query(
    databaseUrl,
    'INSERT INTO sessions (id, user_id) SELECT gen_random_uuid(), $1 FROM generate_series(1, 98)',
    [userId],
  );
  return a.login(email);
}

async function reuseRefreshToken({ refreshToken }: SignedIn): Promise<Answer> {
  const { refreshToken: successor } = tokensOf(await a.refresh(refreshToken));
  expect((await a.refresh(successor)).status).toBe(200);
  return a.refresh(refreshToken);
}

describe('a revocation reaches its own node at once and the other within a second after', () => {
  it.each<[string, Cause, number, (keyof Pair)[]]>([
    ['logout', ({ mine }) => a.logout(mine.token), 204, ['mine']],
    ['logout with the refresh token', ({ mine }) => logoutByRefreshToken(mine), 204, ['mine']],
    ['logout of the others', ({ mine }) => a.logout(mine.token, 'others'), 204, ['other']],
    ['logout of all', ({ mine }) => a.logout(mine.token, 'global'), 204, ['mine', 'other']],
    ['ending a session by its id', ({ mine, other }) => endSession(mine, other), 204, ['other']],
    ['a change of password', ({ mine }) => changePassword(mine), 204, ['other']],
    ['deletion of the account', ({ mine }) => deleteAccount(mine), 204, ['mine', 'other']],
    ['a login that exceeds a hundred sessions', ({ mine }) => loginBeyondTheCap(mine), 200, ['mine']],
    ['reuse of a refresh token', ({ mine }) => reuseRefreshToken(mine), 401, ['mine']],
  ])('%s', async (_name, cause, status, ended) => {
    const mine = await a.signIn();
    const pair = { mine, other: await a.signInAs(mine.email) };
    const isEnded = (name: keyof Pair): boolean => ended.includes(name);
    const names = Object.keys(pair) as (keyof Pair)[];
    const refused = names.filter(isEnded).map((name) => pair[name].token);
    const kept = names.filter((name) => !isEnded(name)).map((name) => pair[name].token);
    expect(await verdicts(b, [...refused, ...kept])).toEqual(['200', '200']);
    expect((await cause(pair)).status).toBe(status);
    const [own, ms] = await Promise.all([verdicts(a, refused), refusalMs(b, ...refused)]);
    expect(own).toEqual(refused.map(() => REVOKED));
    expect(ms).toBeLessThan(BOUND_MS);
    for (const name of ended) expect((await b.refresh(pair[name].refreshToken)).status).toBe(401);
    expect(await verdicts(b, kept)).toEqual(kept.map(() => '200'));
    expect(await verdicts(a, kept)).toEqual(kept.map(() => '200'));
  });

  it.each(['disable', 'delete'])('npm run users -- %s', async (action) => {
    const { email, token } = await a.signIn();
    const { token: other } = await a.signInAs(email);
    for (const node of [a, b]) expect(await verdicts(node, [token, other])).toEqual(['200', '200']);
    await promisify(execFile)('node', ['dist/cli/gatehouse.js', 'users', action, email], {
      env: { ...process.env, DATABASE_URL: databaseUrl, MASTER_SECRET },
    });
    const lags = await Promise.all([refusalMs(a, token, other), refusalMs(b, token, other)]);
    expect(Math.max(...lags)).toBeLessThan(BOUND_MS);
  });

  it('a notification, long before the next poll', async () => {
    const lags = await revocationLagsMs(a, b, 9);
    expect(median(lags)).toBeLessThan(200);
    expect(Math.max(...lags)).toBeLessThan(BOUND_MS);
  });

  it('the next poll, when no notification arrives', async () => {
    const proxy = await TcpProxy.start(new URL(databaseUrl));
    const { client: withoutNotifications } = await startNode(databaseUrl, {
      DATABASE_DIRECT_URL: proxiedUrl(proxy, databaseUrl),
    });
    await expect.poll(() => proxy.connections).toBe(1);
    proxy.hold('requests');
    proxy.hold('answers');
    const lags = await revocationLagsMs(a, withoutNotifications, 6);
    // This shows that no notification arrives: each logout follows a poll, so the next poll is half a second away.
    expect(median(lags)).toBeGreaterThan(200);
    expect(Math.max(...lags)).toBeLessThan(BOUND_MS);
    // The node applies its own revocations without a poll.
    for (const session of await sessionsOf(withoutNotifications, 3)) {
      await logout(withoutNotifications, session);
      expect(await verdict(withoutNotifications, session.token)).toBe(REVOKED);
    }
  });
});

/** ECDSA accepts both s and n - s: this token differs in text, is canonically encoded and verifies. */
function withAlternativeSignature(token: string): string {
  const [header, claims, signature = ''] = token.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  const mirrored = P256_ORDER - BigInt(`0x${bytes.toString('hex', 32)}`);
  const other = Buffer.concat([bytes.subarray(0, 32), Buffer.from(mirrored.toString(16).padStart(64, '0'), 'hex')]);
  return `${header}.${claims}.${other.toString('base64url')}`;
}

describe('a revocation', () => {
  it("names the session, not the token's text: the alternative signature of an ES256 token is refused too", async () => {
    const { token } = await a.signIn();
    const variant = withAlternativeSignature(token);
    expect(variant).not.toBe(token);
    const both = [token, variant];
    expect(await verdicts(a, both)).toEqual(['200', '200']);
    expect(await verdicts(b, both)).toEqual(['200', '200']);
    expect((await a.logout(token)).status).toBe(204);
    expect(await verdicts(a, [variant, token])).toEqual([REVOKED, REVOKED]);
    expect(await refusalMs(b, ...both)).toBeLessThan(BOUND_MS);
  });

  it('of a session covers every access token of that session', async () => {
    const first = await a.signIn();
    const second = tokensOf(await b.refresh(first.refreshToken));
    const third = tokensOf(await a.refresh(second.refreshToken));
    const tokens = [first.token, second.token, third.token];
    expect(new Set(tokens.map(jtiOf)).size).toBe(3);
    expect(await verdicts(b, tokens)).toEqual(['200', '200', '200']);
    expect((await a.logout(second.token)).status).toBe(204);
    expect(await verdicts(a, tokens)).toEqual([REVOKED, REVOKED, REVOKED]);
    expect(await refusalMs(b, ...tokens)).toBeLessThan(BOUND_MS);
  });

  it('of a jti covers one token and not the others of its session', async () => {
    const first = await a.signIn();
    const { token } = tokensOf(await a.refresh(first.refreshToken));
    expect(await verdicts(b, [first.token, token])).toEqual(['200', '200']);
    await revokeJti(databaseUrl, jtiOf(token));
    const lags = await Promise.all([refusalMs(a, token), refusalMs(b, token)]);
    expect(Math.max(...lags)).toBeLessThan(BOUND_MS);
    expect([await verdict(a, first.token), await verdict(b, first.token)]).toEqual(['200', '200']);
  });
});

type Break = (sessions: readonly SignedIn[]) => Promise<void>;

async function startNamedNodeBehind(proxy: TcpProxy): Promise<{ client: Client; name: string }> {
  const name = `broken ${randomUUID()}`;
  const url = new URL(proxiedUrl(proxy, databaseUrl));
  url.searchParams.set('application_name', name);
  const { client } = await startNode(url.href, { DATABASE_DIRECT_URL: url.href });
  return { client, name };
}

/**
 * Ways to break connections. Each resolves once the sessions are logged out on the other
 * node and connections work again.
 */
function breaksOf(proxy: TcpProxy, client: Client, name: string): Break[] {
  const whileCut: Break = async (sessions) => {
    proxy.cut();
    await Promise.all(sessions.map((session) => logout(a, session)));
    expect(await verdicts(client, accessTokens(sessions))).toEqual(sessions.map(() => '200'));
    proxy.restore();
  };
  const betweenDrops: Break = async (sessions) => {
    for (const session of sessions) {
      proxy.drop();
      await logout(a, session);
    }
    proxy.drop();
  };
  const betweenTerminations: Break = async (sessions) => {
    for (const session of sessions) await Promise.all([terminate(databaseUrl, name), logout(a, session)]);
    await terminate(databaseUrl, name);
  };
  return [whileCut, betweenDrops, betweenTerminations];
}

/** Terminates the database connections with this application name. */
async function terminate(url: string, name: string): Promise<void> {
  await query(
    url,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = $1`,
    [name],
  );
}

interface Answered {
  readonly verdicts: ReadonlySet<string>;
  readonly count: number;
  /** How often a token was accepted after it had been refused. */
  readonly relapses: number;
}

const WORKERS = 2;

/** Sends requests with every token repeatedly; each worker has its own tokens. */
function startLoad(node: Client, sessions: readonly SignedIn[]): { stop: () => Promise<Answered> } {
  const seen = new Set<string>();
  const refused = new Set<string>();
  const over = new AbortController();
  let [count, relapses] = [0, 0];
  const worker = async (_: unknown, index: number): Promise<void> => {
    const own = sessions.filter((_session, position) => position % WORKERS === index);
    for (let turn = 0; !over.signal.aborted; turn++) {
      const token = own[turn % own.length]?.token ?? '';
      const result = await verdict(node, token);
      seen.add(result);
      count++;
      if (result === REVOKED) refused.add(token);
      else if (refused.has(token)) relapses++;
    }
  };
  const workers = Promise.all(Array.from({ length: WORKERS }, worker));
  const stop = async (): Promise<Answered> => {
    over.abort();
    await workers;
    return { verdicts: seen, count, relapses };
  };
  return { stop };
}

describe('a node whose database connections break repeatedly under load', () => {
  const ROUNDS = 4;
  const SESSIONS_PER_BREAK = 5;

  it('misses no revocation, and answers guarded requests only with 200 or 401', { timeout: 60_000 }, async () => {
    const proxy = await TcpProxy.start(new URL(databaseUrl));
    const { client, name } = await startNamedNodeBehind(proxy);
    const breaks = breaksOf(proxy, client, name);
    const sessions = await sessionsOf(a, ROUNDS * breaks.length * SESSIONS_PER_BREAK);
    const load = startLoad(client, sessions);
    const lags: number[] = [];
    for (let next = 0; next < sessions.length; next += SESSIONS_PER_BREAK) {
      const ended = sessions.slice(next, next + SESSIONS_PER_BREAK);
      await breaks[(next / SESSIONS_PER_BREAK) % breaks.length]?.(ended);
      lags.push(await refusalMs(client, ...accessTokens(ended)));
    }
    const answered = await load.stop();
    expect(Math.max(...lags)).toBeLessThan(BOUND_MS);
    expect(new Set(await verdicts(client, accessTokens(sessions)))).toEqual(new Set([REVOKED]));
    expect([...answered.verdicts].toSorted()).toEqual(['200', REVOKED]);
    expect(answered.relapses).toBe(0);
    expect(answered.count).toBeGreaterThan(500);
  });
});

/** A node whose database is behind a proxy, a valid token, and one that the node knows to be revoked. */
async function startNodeBehindProxy(environment: Record<string, string>) {
  const proxy = await TcpProxy.start(new URL(databaseUrl));
  const url = proxiedUrl(proxy, databaseUrl);
  const node = await startNode(url, { DATABASE_DIRECT_URL: url, ...environment });
  const [{ token: live }, { token: ended }] = await Promise.all([a.signIn(), a.signIn()]);
  await a.logout(ended);
  await refusalMs(node.client, ended);
  return { node, proxy, live, ended };
}

const statusesOf = (node: Node): Promise<number[]> =>
  Promise.all((['live', 'serving', 'ready'] as const).map((probe) => statusOf(node, probe)));

async function statusOf({ client }: Node, probe: 'live' | 'serving' | 'ready'): Promise<number> {
  return (await client.call('GET', `/health/${probe}`)).status;
}

/** Its log lines about staleness; every complete line must be JSON. */
function stalenessLines(node: Node): Record<string, unknown>[] {
  const lines = node.output().split('\n').slice(0, -1);
  const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return entries.filter(({ event }) => event === 'revocations_stale' || event === 'revocations_fresh_again');
}

describe.each<[string, (proxy: TcpProxy) => void, (proxy: TcpProxy) => void]>([
  ['refuses connections', (proxy) => proxy.cut(), (proxy) => proxy.restore()],
  ['is frozen', (proxy) => proxy.hold('answers'), (proxy) => proxy.release()],
])('while the database %s a node', (_name, breakConnection, repairConnection) => {
  const STALE = { REVOCATION_STALE_SECONDS: '1' };
  const stale: unknown = expect.objectContaining({ event: 'revocations_stale', policy: 'serve', afterSeconds: 1 });
  const freshAgain: unknown = expect.objectContaining({ event: 'revocations_fresh_again', refused: 0 });

  it('serves from memory, is not ready and logs that once', async () => {
    const { node, proxy, live, ended } = await startNodeBehindProxy(STALE);
    const before = stalenessLines(node).length;
    const newLines = (): unknown[] => stalenessLines(node).slice(before);
    breakConnection(proxy);
    await expect.poll(newLines, { timeout: 10_000 }).toEqual([stale]);
    expect(await statusesOf(node)).toEqual([200, 200, 503]);
    expect(await verdicts(node.client, [live, ended])).toEqual(['200', REVOKED]);
    repairConnection(proxy);
    await expect.poll(() => statusOf(node, 'ready'), { timeout: 10_000 }).toBe(200);
    await expect.poll(newLines).toEqual([stale, freshAgain]);
    expect(await verdicts(node.client, [live, ended])).toEqual(['200', REVOKED]);
  });

  it('refuses guarded requests with 503 under the policy "refuse", and bad tokens with 401', async () => {
    const { node, proxy, live, ended } = await startNodeBehindProxy({ ...STALE, REVOCATION_STALE_POLICY: 'refuse' });
    breakConnection(proxy);
    await expect.poll(() => verdict(node.client, live), { timeout: 10_000 }).toBe('503 service_unavailable');
    expect((await node.client.me(live)).headers.get('retry-after')).toBe('1');
    expect((await node.client.logout(live)).status).toBe(503);
    expect(await verdicts(node.client, [`${live}x`, ended])).toEqual(['401 token_invalid', REVOKED]);
    expect(await statusesOf(node)).toEqual([200, 503, 503]);
    repairConnection(proxy);
    await expect.poll(() => verdict(node.client, live), { timeout: 10_000 }).toBe('200');
    await expect.poll(() => statusesOf(node), { timeout: 10_000 }).toEqual([200, 200, 200]);
    expect(await verdict(node.client, ended)).toBe(REVOKED);
  });
});

function databaseBehind(proxy: TcpProxy, url: string): Partial<Config> {
  return { databaseUrl: proxiedUrl(proxy, url), databaseDirectUrl: proxiedUrl(proxy, url) };
}

async function readMetric(app: TestApp, name: string): Promise<number> {
  const { port } = app.nest.get(MetricsServer, { strict: false });
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length),
  );
}

describe('the metrics', () => {
  it('report the age of the revocations, the requests served from them, and their number', async () => {
    const url = await createDatabase();
    const proxy = await TcpProxy.start(new URL(url));
    const app = await startApp({ databaseUrl: url, changes: { ...databaseBehind(proxy, url), ...changes } });
    const [live, ended] = [await app.signIn(), await app.signIn()];
    expect(await readMetric(app, 'gatehouse_revocations')).toBe(0);
    await app.logout(ended.token);
    expect(await readMetric(app, 'gatehouse_revocations')).toBe(1);
    expect(await readMetric(app, 'gatehouse_feed_age_seconds')).toBeLessThan(1);
    proxy.cut();
    await expect.poll(() => readMetric(app, 'gatehouse_feed_age_seconds'), { timeout: 5000 }).toBeGreaterThan(1);
    const served = await readMetric(app, SERVED);
    for (let call = 0; call < 3; call++) expect(await verdict(app, live.token)).toBe('200');
    expect([await readMetric(app, SERVED), await readMetric(app, REFUSED)]).toEqual([served + 3, 0]);
    proxy.restore();
    await expect.poll(() => readMetric(app, 'gatehouse_feed_age_seconds'), { timeout: 5000 }).toBeLessThan(1);
  });

  it('count the requests that a stale node refuses', async () => {
    const url = await createDatabase();
    const proxy = await TcpProxy.start(new URL(url));
    const app = await startApp({
      databaseUrl: url,
      changes: { ...databaseBehind(proxy, url), ...changes, revocationStalePolicy: 'refuse' },
    });
    const { token } = await app.signIn();
    proxy.cut();
    await expect.poll(() => verdict(app, token), { timeout: 5000 }).toBe('503 service_unavailable');
    const refused = await readMetric(app, REFUSED);
    for (let call = 0; call < 3; call++) expect(await verdict(app, token)).toBe('503 service_unavailable');
    expect([await readMetric(app, SERVED), await readMetric(app, REFUSED)]).toEqual([0, refused + 3]);
  });

  const SERVED = 'gatehouse_stale_requests_total{outcome="served"}';
  const REFUSED = 'gatehouse_stale_requests_total{outcome="refused"}';
  const changes = { metricsPort: 0, revocationStaleSeconds: 1 };
});

/** Writes revocations of random ids; the given ones are the first, the middle and the last. */
async function revokeMany(app: TestApp, count: number, jtis: readonly string[]): Promise<void> {
  await app.query(
    `INSERT INTO revocations (kind, subject)
     SELECT 'jti', CASE n WHEN 1 THEN $2 WHEN $1 / 2 THEN $3 WHEN $1 THEN $4 ELSE gen_random_uuid()::text END
     FROM generate_series(1, $1::int) n ORDER BY n`,
    [count, ...jtis],
  );
}

describe('a node that starts', () => {
  it('refuses earlier revocations from its first response on', async () => {
    const { token } = await a.signIn();
    await a.logout(token);
    const c = await startApp({ databaseUrl });
    expect(await verdict(c, token)).toBe(REVOKED);
  });

  it('has read all of 12,000 revocations, and a running node reads them within a second', async () => {
    const running = await startApp();
    const sessions = await sessionsOf(running, 4);
    const tokens = accessTokens(sessions);
    await revokeMany(running, 12_000, tokens.slice(0, 3).map(jtiOf));
    expect(await refusalMs(running, ...tokens.slice(0, 3))).toBeLessThan(BOUND_MS);
    const started = await startApp({ databaseUrl: running.databaseUrl });
    const expected = [REVOKED, REVOKED, REVOKED, '200'];
    expect(await verdicts(started, tokens)).toEqual(expected);
    expect(await verdicts(running, tokens)).toEqual(expected);
    // Between those three, pages or rows could still be missing.
    for (const app of [started, running]) {
      expect(app.nest.get(RevocationsService, { strict: false }).size).toBe(12_000);
    }
  });
});

async function insertAged(app: TestApp, count: number, ageSeconds: number): Promise<void> {
  await app.query(
    `INSERT INTO revocations (kind, subject, created_at)
     SELECT 'sid', gen_random_uuid(), clock_timestamp() - make_interval(secs => $2) FROM generate_series(1, $1::int)`,
    [count, ageSeconds],
  );
}

describe('a node whose connection was broken', () => {
  it.each(['gatehouse feed', 'gatehouse listen'])(
    'reads all live revocations again, not only those after the last: %s',
    async (name) => {
      const app = await startApp();
      const { token } = await app.signIn();
      const feed = app.nest.get(ChangeFeed, { strict: false });
      await app.query(`SELECT setval('revocations_id_seq', 1000)`);
      await app.logout((await app.signIn()).token);
      await feed.readChanges();
      await app.query(`INSERT INTO revocations (id, kind, subject) VALUES (1, 'jti', $1)`, [jtiOf(token)]);
      await feed.readChanges();
      expect(await verdict(app, token)).toBe('200');
      await terminate(app.databaseUrl, name);
      expect(await refusalMs(app, token)).toBeLessThan(BOUND_MS);
    },
  );
});

describe('old revocations', () => {
  /** The longest token lifetime plus the largest clock tolerance. */
  const STILL_NEEDED_SECONDS = 3600 + 60;

  it('leave memory once every token that they name has expired, and not before', async () => {
    const app = await startApp();
    const size = (): number => app.nest.get(RevocationsService, { strict: false }).size;
    const [old, needed, leaving] = accessTokens(await sessionsOf(app, 3)) as [string, string, string];
    await revokeJti(app.databaseUrl, jtiOf(old), REVOCATION_LIFE_SECONDS + 1);
    await revokeJti(app.databaseUrl, jtiOf(leaving), REVOCATION_LIFE_SECONDS - 3);
    await revokeJti(app.databaseUrl, jtiOf(needed), STILL_NEEDED_SECONDS);
    await refusalMs(app, needed, leaving);
    expect([await verdict(app, old), size()]).toEqual(['200', 2]);
    await expect.poll(() => verdict(app, leaving), { timeout: 10_000 }).toBe('200');
    expect([await verdict(app, needed), size()]).toEqual([REVOKED, 1]);
  });

  it('leave the table in batches, and those still needed stay', async () => {
    const app = await startApp();
    await insertAged(app, 2500, REVOCATION_LIFE_SECONDS + 1);
    await insertAged(app, 3, STILL_NEEDED_SECONDS);
    await insertAged(app, 2, 0);
    await app.nest.get(RevocationsPurgeJob, { strict: false }).purgeRevocations();
    const rows = await app.query('SELECT id::int FROM revocations ORDER BY id');
    expect(rows.map(({ id }) => id)).toEqual([2501, 2502, 2503, 2504, 2505]);
  });
});

/** Reads the ids continuously; an id is late if it appears after a larger one. */
async function watchIds(): Promise<{ stop: () => Promise<{ seen: number; late: string[] }> }> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  onTestFinished(() => client.end());
  const known = new Set<string>();
  const late: string[] = [];
  const readIds = async (): Promise<void> => {
    const largest = [...known].reduce((most, id) => (BigInt(id) > most ? BigInt(id) : most), 0n);
    const { rows } = await client.query<{ id: string }>('SELECT id FROM revocations ORDER BY id');
    const fresh = rows.map(({ id }) => id).filter((id) => !known.has(id));
    late.push(...fresh.filter((id) => BigInt(id) < largest));
    for (const id of fresh) known.add(id);
  };
  await readIds();
  const before = known.size;
  const over = new AbortController();
  const watching = (async () => {
    while (!over.signal.aborted) await readIds();
    await readIds();
  })();
  const stop = async () => {
    over.abort();
    await watching;
    return { seen: known.size - before, late };
  };
  return { stop };
}

describe('revocation ids', () => {
  it('appear in the order of their commits when two nodes write twenty at once', async () => {
    const sessions = await sessionsOf(a, 20);
    const watch = await watchIds();
    const answers = await Promise.all(sessions.map(({ token }, index) => (index % 2 ? a : b).logout(token)));
    const { seen, late } = await watch.stop();
    expect(answers.map(({ status }) => status)).toEqual(sessions.map(() => 204));
    expect([seen, late]).toEqual([20, []]);
  });
});

/** The last query of the pool; the change feed's connections have other names. */
async function lastQuery(app: TestApp): Promise<string | undefined> {
  const [row] = await app.query<{ last: string }>(
    `SELECT max(query_start)::text || ' ' || count(*) AS last FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'gatehouse'`,
  );
  return row?.last;
}

describe('a guarded request', () => {
  it('makes no database query while there are revocations', async () => {
    const app = await startApp();
    const [live, ended] = [await app.signIn(), await app.signIn()];
    await app.logout(ended.token);
    const before = await lastQuery(app);
    for (let call = 0; call < 20; call++) {
      expect(await verdicts(app, [live.token, ended.token])).toEqual(['200', REVOKED]);
    }
    expect(await lastQuery(app)).toBe(before);
    await app.call('GET', '/v1/users/me', { token: live.token });
    expect(await lastQuery(app)).not.toBe(before);
  });
});

/** @param lastly runs after the revocation has been written */
function revokeInTransaction(app: TestApp, sessionId: string, lastly: () => Promise<void>): Promise<void> {
  const [prisma, revocations] = [
    app.nest.get(PrismaService, { strict: false }),
    app.nest.get(RevocationsService, { strict: false }),
  ];
  return prisma.transaction(async (tx) => {
    revocations.addRevocations(tx, 'sid', [sessionId]);
    prisma.beforeCommit(tx, lastly);
  });
}

describe('a transaction', () => {
  it('that is rolled back revokes nothing, and one that commits revokes before it returns', async () => {
    const app = await startApp();
    const { token, sessionId } = await app.signIn();
    const rolledBack = revokeInTransaction(app, sessionId, () => Promise.reject(new Error('changed my mind')));
    await expect(rolledBack).rejects.toThrow('changed my mind');
    expect(await verdict(app, token)).toBe('200');
    await app.nest.get(ChangeFeed, { strict: false }).readChanges();
    expect(await verdict(app, token)).toBe('200');
    expect(await app.query('SELECT FROM revocations')).toEqual([]);
    await revokeInTransaction(app, sessionId, () => Promise.resolve());
    expect(app.nest.get(RevocationsService, { strict: false }).isRevoked(sessionId, '')).toBe(true);
    expect(await verdict(app, token)).toBe(REVOKED);
  });

  it('that has ended takes no revocation, which would be lost', async () => {
    const app = await startApp();
    const revocations = app.nest.get(RevocationsService, { strict: false });
    const ended = await app.nest
      .get(PrismaService, { strict: false })
      .transaction((tx) => Promise.resolve([tx] as const));
    expect(() => revocations.addRevocations(ended[0], 'sid', [randomUUID()])).toThrow('the transaction has ended');
  });
});
