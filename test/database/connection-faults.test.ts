import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PrismaService } from '../../src/database/prisma.service.js';
import { createDatabase, query, startApp, type Answer, type TestApp } from '../support/app.js';
import { tokensOf, type SignedIn } from '../support/client.js';
import { heapInUse } from '../support/heap.js';
import { TcpProxy, proxiedUrl } from '../support/tcp-proxy.js';

interface Timed extends Answer {
  readonly milliseconds: number;
}

async function timed(asking: Promise<Answer>): Promise<Timed> {
  const startedAt = performance.now();
  return { ...(await asking), milliseconds: performance.now() - startedAt };
}

/** An application whose database is behind a proxy. */
async function startBehindProxy(): Promise<{ app: TestApp; proxy: TcpProxy }> {
  const databaseUrl = await createDatabase();
  const proxy = await TcpProxy.start(new URL(databaseUrl));
  return {
    app: await startApp({ databaseUrl: proxiedUrl(proxy, databaseUrl), changes: { logLevel: 'silent' } }),
    proxy,
  };
}

/** One request of each kind that needs the database. */
function databaseRequests(app: TestApp, { email, refreshToken, token }: SignedIn) {
  return [
    () => app.login(email),
    () => app.register(`${randomUUID()}@example.com`),
    () => app.refresh(refreshToken),
    () => app.call('GET', '/v1/users/me', { token }),
    () => app.call('GET', '/v1/auth/sessions', { token }),
    () => app.logout(token, 'others'),
    () => app.call('GET', '/health/ready'),
  ];
}

const isUnavailable = ({ status, headers }: Answer): boolean =>
  status === 503 && Number(headers.get('retry-after')) > 0;

/**
 * Sends at least `count` requests, each kind `atOnce` times concurrently. Those that need the database
 * must be 503, the others 200.
 * @returns the durations in milliseconds, ascending
 */
async function expectUnavailable(app: TestApp, user: SignedIn, { count, atOnce }: { count: number; atOnce: number }) {
  const times: number[] = [];
  while (times.length < count) {
    const asking = Array.from({ length: atOnce }, () => databaseRequests(app, user)).flat();
    const answers = await Promise.all(asking.map((ask) => timed(ask())));
    expect(answers.filter((answer) => !isUnavailable(answer))).toEqual([]);
    times.push(...answers.map(({ milliseconds }) => milliseconds));
    expect((await app.me(user.token)).status).toBe(200);
    expect((await app.call('GET', '/health/live')).status).toBe(200);
  }
  return times.toSorted((a, b) => a - b);
}

describe.each<[string, (proxy: TcpProxy) => void, (proxy: TcpProxy) => void]>([
  ['refuses connections', (proxy) => proxy.cut(), (proxy) => proxy.restore()],
  ['does not answer', (proxy) => proxy.hold('answers'), (proxy) => proxy.release()],
  ['does not hear', (proxy) => proxy.hold('requests'), (proxy) => proxy.release()],
])('while the database %s', (_case, begin, end) => {
  it(
    'a request that needs it is 503 within 5 s, later at once; other requests are served, and the service recovers (FLT-01, FLT-06, FLT-07)',
    { timeout: 60_000 },
    async () => {
      const { app, proxy } = await startBehindProxy();
      const user = await app.signIn();
      begin(proxy);
      const first = await Promise.all(databaseRequests(app, user).map((ask) => timed(ask())));
      expect(first.filter((answer) => !isUnavailable(answer))).toEqual([]);
      expect(Math.max(...first.map(({ milliseconds }) => milliseconds))).toBeLessThan(5000);

      await expect
        .poll(async () => (await timed(app.login(user.email))).milliseconds, { timeout: 5000 })
        .toBeLessThan(100);
      const times = await expectUnavailable(app, user, { count: 100, atOnce: 1 });
      expect(times[times.length >> 1]).toBeLessThan(100);

      await expectUnavailable(app, user, { count: 600, atOnce: 10 });
      const before = heapInUse();
      const { length } = await expectUnavailable(app, user, { count: 700, atOnce: 10 });
      // Less than a retained request or error would take.
      expect((heapInUse() - before) / length).toBeLessThan(1000);

      end(proxy);
      await expect.poll(async () => (await app.call('GET', '/health/ready')).status, { timeout: 10_000 }).toBe(200);
      for (const ask of databaseRequests(app, user).slice(0, 5)) {
        expect((await ask()).status).toBeLessThan(300);
      }
    },
  );
});

describe('connections to the database', () => {
  it('that break repeatedly cause only 503s, also for refreshes and logins (FLT-05)', { timeout: 30_000 }, async () => {
    const { app, proxy } = await startBehindProxy();
    const { email, token } = await app.signIn();
    // Logins of other users, since the 101st login of one user would end that user's first session.
    const others = await Promise.all(Array.from({ length: 20 }, async () => (await app.signIn()).email));
    let turn = 0;
    const outcomes = new Set<string>();
    const over = new AbortController();
    const repeat = async (name: string, ask: () => Promise<Answer>): Promise<void> => {
      while (!over.signal.aborted) {
        outcomes.add(`${name} ${(await ask()).status}`);
        await pause(2);
      }
    };
    let { refreshToken } = await app.signInAs(email);
    const refresh = async (): Promise<Answer> => {
      const answer = await app.refresh(refreshToken);
      if (answer.status === 200) refreshToken = String(answer.body['refresh_token']);
      return answer;
    };
    const load = [
      repeat('login', () => app.login(others[turn++ % others.length] ?? '')),
      repeat('refresh', refresh),
      repeat('me', () => app.me(token)),
      repeat('user', () => app.call('GET', '/v1/users/me', { token })),
    ];
    for (let drop = 0; drop < 20; drop++) {
      await pause(100);
      proxy.drop();
    }
    over.abort();
    await Promise.all(load);
    const allowed = ['login', 'refresh', 'user'].flatMap((name) => [`${name} 200`, `${name} 503`]);
    expect([...outcomes].filter((outcome) => ![...allowed, 'me 200'].includes(outcome))).toEqual([]);
    await expect.poll(async () => (await app.login(email)).status).toBe(200);
    expect((await refresh()).status).toBe(200);
  });

  it(
    'that are all in use make requests wait and then return 503, and affect nothing else (FLT-08)',
    { timeout: 30_000 },
    async () => {
      const app = await startApp({ changes: { databasePoolSize: 2 } });
      const { email, token } = await app.signIn();
      const holder = new pg.Client({ connectionString: app.databaseUrl });
      await holder.connect();
      onTestFinished(() => holder.end());
      await holder.query('BEGIN; LOCK TABLE users');
      const asking = Array.from({ length: 50 }, () => timed(app.login(email)));
      const pool = app.nest.get(PrismaService, { strict: false });
      await expect.poll(() => pool.poolStats().waiting).toBeGreaterThan(10);
      expect((await app.me(token)).status).toBe(200);
      const answers = await Promise.all(asking);
      expect(answers.filter((answer) => !isUnavailable(answer))).toEqual([]);
      expect(Math.max(...answers.map(({ milliseconds }) => milliseconds))).toBeLessThan(5000);
      await holder.query('COMMIT');
      expect((await app.login(email)).status).toBe(200);
    },
  );
});

async function beginTransaction(app: TestApp): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: app.databaseUrl });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query('BEGIN');
  return client;
}

async function waitForLockWaiter(app: TestApp): Promise<void> {
  const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
  await expect.poll(async () => (await app.query(waiting)).length).toBe(1);
}

describe('retry after a rollback by PostgreSQL', () => {
  /** Long timeouts, so that only the rollback fails. */
  const LONG_TIMEOUTS = { databaseLockTimeoutMs: 10_000, databaseStatementTimeoutMs: 10_000 };

  it('repeats a transaction that was rolled back in a deadlock (FLT-09)', { timeout: 20_000 }, async () => {
    const app = await startApp({ changes: LONG_TIMEOUTS });
    const { token, userId, sessionId } = await app.signIn();
    const other = await beginTransaction(app);
    await other.query('SELECT FROM sessions WHERE id = $1 FOR UPDATE', [sessionId]);
    const answer = app.logout(token, 'global');
    await waitForLockWaiter(app);
    // The session that has waited for deadlock_timeout (1 s) first detects the deadlock and is
    // rolled back: the application's.
    await other.query('SELECT FROM users WHERE id = $1 FOR UPDATE', [userId]);
    await other.query('COMMIT');
    expect((await answer).status).toBe(204);
    expect(await app.query('SELECT FROM sessions WHERE ended_at IS NULL')).toEqual([]);
  });

  it('repeats a single statement that was rolled back in a deadlock (FLT-09)', { timeout: 20_000 }, async () => {
    const app = await startApp({ changes: { ...LONG_TIMEOUTS, rateLimits: 'on' } });
    const { email } = await app.signIn();
    await app.login(email, 'not the passphrase');
    const other = await beginTransaction(app);
    await other.query('SELECT FROM account_guards FOR UPDATE');
    const answer = app.login(email);
    await waitForLockWaiter(app);
    await other.query('SELECT FROM rate_limits FOR UPDATE');
    await other.query('COMMIT');
    expect((await answer).status).toBe(200);
  });

  it.each<[string, string[], (app: TestApp, user: SignedIn) => Promise<Answer>]>([
    ['a refresh', ['UPDATE sessions SET user_agent = NULL'], (app, user) => app.refresh(user.refreshToken)],
    ['the charge of an attempt', ['UPDATE rate_limits SET full_at = full_at'], (app, { email }) => app.login(email)],
    [
      'a login',
      // The statement has already read the user when it waits for the sessions.
      ['LOCK TABLE sessions IN SHARE MODE', 'UPDATE users SET email = email'],
      (app, { email }) => app.login(email),
    ],
  ])('repeats %s after a serialization failure (FLT-09)', async (_case, changes, ask) => {
    const databaseUrl = await createDatabase();
    const name = new URL(databaseUrl).pathname.slice(1);
    await query(databaseUrl, `ALTER DATABASE ${name} SET default_transaction_isolation = 'repeatable read'`);
    const app = await startApp({ databaseUrl, changes: { ...LONG_TIMEOUTS, rateLimits: 'on' } });
    const user = await app.signIn();
    await app.login(user.email, 'not the passphrase');
    const other = await beginTransaction(app);
    for (const change of changes) await other.query(change);
    const answer = ask(app, user);
    await waitForLockWaiter(app);
    await other.query('COMMIT');
    expect((await answer).status).toBe(200);
  });

  it.each<[string, (app: TestApp, user: SignedIn) => Promise<Answer>]>([
    ['a transaction', (app, { token }) => app.logout(token)],
    ['a single statement', (app, { refreshToken }) => app.refresh(refreshToken)],
  ])('executes %s three times at most (FLT-09)', async (_case, ask) => {
    const app = await startApp();
    /**
     * Makes PostgreSQL raise this code for the next updates of a session. The counter is a
     * sequence, which is not rolled back.
     */
    const raise = (code: string, times: number): Promise<unknown> =>
      app.query(`
        DROP SEQUENCE IF EXISTS attempts;
        CREATE SEQUENCE attempts;
        CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF nextval('attempts') <= ${times} THEN RAISE EXCEPTION USING ERRCODE = '${code}'; END IF;
          RETURN NEW;
        END $$;
        CREATE OR REPLACE TRIGGER refuse BEFORE UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION refuse()`);
    const attempts = async (): Promise<string | undefined> =>
      (await app.query<{ last: string }>('SELECT last_value AS last FROM attempts'))[0]?.last;
    const user = await app.signIn();

    await raise('40001', 3);
    expect([isUnavailable(await ask(app, user)), await attempts()]).toEqual([true, '3']);
    // 40003: the statement may have been executed.
    await raise('40003', 1);
    expect([isUnavailable(await ask(app, user)), await attempts()]).toEqual([true, '1']);
    await raise('40001', 2);
    expect([(await ask(app, user)).status < 300, await attempts()]).toEqual([true, '3']);
  });
});

/** An application whose refreshes each hold a connection for 20 ms, and a function that refreshes an idle session. */
async function startWithSlowUpdates(connections: number): Promise<{ app: TestApp; refresh: () => Promise<Timed> }> {
  const changes = { databasePoolSize: connections, databaseConnectionTimeoutMs: 300, logLevel: 'silent' } as const;
  const app = await startApp({ changes });
  const users = await Promise.all([1, 2, 3, 4].map(() => app.signIn()));
  const signIns = users.map(async ({ email }) => {
    const tokens: string[] = [];
    for (let count = 0; count < 60; count++) tokens.push((await app.signInAs(email)).refreshToken);
    return tokens;
  });
  const tokens = (await Promise.all(signIns)).flat();
  await app.query(`CREATE FUNCTION delay_update() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END $$`);
  await app.query('CREATE TRIGGER delay_update BEFORE UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION delay_update()');
  const refresh = async (): Promise<Timed> => {
    const token = tokens.shift() ?? '';
    const answer = await timed(app.refresh(token));
    // An unanswered refresh may be repeated.
    tokens.push(answer.status === 200 ? tokensOf(answer).refreshToken : token);
    return answer;
  };
  return { app, refresh };
}

describe('refreshes at twice the capacity of the database', () => {
  it('are shed, and goodput is not lower than at capacity (FLT-15)', async () => {
    const connections = 4;
    const { app, refresh } = await startWithSlowUpdates(connections);
    const { token } = await app.signIn();
    const startedAt = performance.now();
    let served = 0;
    const serve = async (): Promise<void> => {
      for (; performance.now() - startedAt < 2000; served++) expect((await refresh()).status).toBe(200);
    };
    // More callers than connections, so that none is idle between an answer and the next request.
    await Promise.all(Array.from({ length: 2 * connections }, serve));
    const capacity = (served * 1000) / (performance.now() - startedAt);

    const floodedAt = performance.now();
    const asked: Promise<Timed>[] = [];
    const guarded: number[] = [];
    for (let seconds = 0; seconds < 3; seconds = (performance.now() - floodedAt) / 1000) {
      while (asked.length < 2 * capacity * seconds) asked.push(refresh());
      guarded.push((await app.me(token)).status);
      await pause(5);
    }
    const answers = await Promise.all(asked);
    const seconds = (performance.now() - floodedAt) / 1000;
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.filter((answer) => !isUnavailable(answer))).toEqual([]);
    expect(refused.length).toBeGreaterThan(answers.length / 5);
    expect((answers.length - refused.length) / seconds).toBeGreaterThan(0.7 * capacity);
    expect(Math.max(...answers.map(({ milliseconds }) => milliseconds))).toBeLessThan(2000);
    expect(new Set(guarded)).toEqual(new Set([200]));
  });
});
