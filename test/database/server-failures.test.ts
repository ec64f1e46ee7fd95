import { randomUUID } from 'node:crypto';
import { lchownSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PASSWORD, startApp, type Answer, type TestApp } from '../support/app.js';
import { tokensOf } from '../support/client.js';
import { DedicatedPostgres } from '../support/dedicated-postgres.js';
import { TcpProxy, proxiedUrl } from '../support/tcp-proxy.js';

const MAX_CONNECTIONS = 20;
/** Reserved for superusers. */
const RESERVED_CONNECTIONS = 3;

/** SQL condition: the connection is the application's. */
const IS_OWN = `application_name IN ('gatehouse', 'gatehouse feed', 'gatehouse listen')`;

const isUnavailable = ({ status, headers }: Answer): boolean =>
  status === 503 && Number(headers.get('retry-after')) > 0;

describe('a database whose connections are all used by other clients', () => {
  it('causes 503 for requests that need a new one, and works again once there is one (FLT-01, FLT-08)', async () => {
    const { url: databaseUrl } = await DedicatedPostgres.start([
      `max_connections = ${MAX_CONNECTIONS}`,
      `superuser_reserved_connections = ${RESERVED_CONNECTIONS}`,
    ]);
    const app = await startApp({ databaseUrl });
    const user = await app.signIn();
    const others: pg.Client[] = [];
    onTestFinished(async () => void (await Promise.all(others.map((other) => other.end()))));
    /** Connects until PostgreSQL reports too many connections. */
    const takeAll = async (): Promise<void> => {
      for (;;) {
        const other = new pg.Client({ connectionString: databaseUrl });
        const refusal = await other.connect().then(
          () => undefined,
          (error: pg.DatabaseError) => error.code,
        );
        if (refusal === '53300') return;
        expect(refusal).toBeUndefined();
        others.push(other);
      }
    };
    await takeAll();
    const some = await Promise.all(Array.from({ length: 20 }, () => app.login(user.email)));
    expect(some.filter((answer) => answer.status !== 200 && !isUnavailable(answer))).toEqual([]);
    // Terminates the application's connections until other clients hold all of them.
    const terminateOwnAndCountOthers = async (): Promise<number> => {
      const clients = await others[0]?.query<{ own: boolean }>(
        `SELECT ${IS_OWN} AS own, ${IS_OWN} AND pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend'`,
      );
      return clients?.rows.filter(({ own: isOwn }) => !isOwn).length ?? 0;
    };
    while ((await terminateOwnAndCountOthers()) < MAX_CONNECTIONS - RESERVED_CONNECTIONS) await takeAll();
    for (let turn = 0; turn < 3; turn++) {
      const startedAt = performance.now();
      const answers = await Promise.all([
        app.login(user.email),
        app.register(`${randomUUID()}@example.com`),
        app.refresh(user.refreshToken),
        app.call('GET', '/v1/users/me', user),
        app.logout(user.token, 'others'),
        app.call('GET', '/health/ready'),
      ]);
      expect(answers.filter((answer) => !isUnavailable(answer))).toEqual([]);
      expect(performance.now() - startedAt).toBeLessThan(5000);
      expect((await app.me(user.token)).status).toBe(200);
      expect((await app.call('GET', '/health/live')).status).toBe(200);
    }

    await Promise.all(others.splice(0).map((other) => other.end()));
    await expect.poll(async () => (await app.call('GET', '/health/ready')).status, { timeout: 10_000 }).toBe(200);
    expect((await app.login(user.email)).status).toBe(200);
    expect((await app.refresh(user.refreshToken)).status).toBe(200);
  });
});

/** Requests whose status is known from acknowledged writes of one user, by description. */
type Facts = Map<string, () => Promise<Answer>>;

async function expectStatus(asking: Promise<Answer>, status: number): Promise<Answer> {
  const answer = await asking;
  if (answer.status !== status) throw new Error(`${answer.status}`);
  return answer;
}

/** Before each step, the facts that it makes uncertain are removed; after its acknowledgement, new facts are added. */
async function writeAndRecord(app: TestApp, facts: Facts): Promise<void> {
  const email = `${randomUUID()}@example.com`;
  const newPassword = `${PASSWORD} ${email}`;
  await expectStatus(app.register(email), 201);
  facts.set('200 to the password', () => app.login(email));
  const other = tokensOf(await expectStatus(app.login(email), 200));
  const own = tokensOf(await expectStatus(app.login(email), 200));
  const { refreshToken } = tokensOf(await expectStatus(app.refresh(own.refreshToken), 200));
  facts.set('200 to the refresh token', () => app.refresh(refreshToken));
  facts.delete('200 to the password');
  const json = { currentPassword: PASSWORD, newPassword };
  await expectStatus(app.call('POST', '/v1/users/me/password', { ...own, json }), 204);
  facts.set('200 to the new password', () => app.login(email, newPassword));
  facts.set('401 to the old password', () => app.login(email));
  facts.set('401 to a token of a session that was ended', () => app.me(other.token));
  facts.delete('200 to the refresh token');
  await expectStatus(app.logout(own.token), 204);
  facts.set('401 to the refresh token', () => app.refresh(refreshToken));
}

/** Eight concurrent writers; each stops at its first write that is not acknowledged. */
function startWriters(app: TestApp): { all: Facts[]; writing: Promise<PromiseSettledResult<void>[]> } {
  const all: Facts[] = [];
  const writers = Array.from({ length: 8 }, async () => {
    for (;;) {
      const facts: Facts = new Map();
      all.push(facts);
      await writeAndRecord(app, facts);
    }
  });
  return { all, writing: Promise.allSettled(writers) };
}

async function rejectionsOf(writing: Promise<PromiseSettledResult<void>[]>): Promise<Set<unknown>> {
  return new Set((await writing).map((end) => end.status === 'rejected' && String(end.reason)));
}

/** Acknowledged facts that are no longer true. */
async function lostFacts(all: readonly Facts[]): Promise<unknown[]> {
  const kept = all.flatMap((facts) => Array.from(facts));
  expect(kept.length).toBeGreaterThan(100);
  const now = await Promise.all(kept.map(async ([fact, ask]) => ({ fact, status: (await ask()).status })));
  return now.filter(({ fact, status }) => !fact.startsWith(String(status)));
}

describe('a database that is killed', () => {
  it('has every acknowledged write once it is back (FLT-02)', { timeout: 60_000 }, async () => {
    const database = await DedicatedPostgres.start();
    const app = await startApp({ databaseUrl: database.url });
    const { all, writing } = startWriters(app);
    await expect.poll(() => all.length, { interval: 1, timeout: 20_000 }).toBeGreaterThan(40);
    database.kill();
    expect(await rejectionsOf(writing)).toEqual(new Set(['Error: 503']));
    await expect.poll(async () => (await app.call('GET', '/health/ready')).status, { timeout: 20_000 }).toBe(200);
    expect(await lostFacts(all)).toEqual([]);
  });
});

describe.runIf(process.platform === 'linux')('a database whose disk is full', () => {
  it('causes 503 only for requests that need disk space, and recovers (FLT-20)', { timeout: 60_000 }, async () => {
    const { url: databaseUrl, cluster } = await DedicatedPostgres.start();
    const app = await startApp({ databaseUrl });
    const user = await app.signIn();
    const [table] = await app.query<{ path: string }>(`SELECT pg_relation_filepath('revocations') AS path`);
    const file = join(cluster, table?.path ?? '');
    /** Replaces the file of an empty table, so that its first page would go to a full device. */
    const replaceBy = async (replace: () => void): Promise<void> => {
      const { uid, gid } = statSync(cluster);
      rmSync(file);
      replace();
      lchownSync(file, uid, gid);
      // Those connections have the old file open.
      await app.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${IS_OWN}`);
      await expect.poll(async () => (await app.call('GET', '/health/ready')).status, { timeout: 10_000 }).toBe(200);
    };
    expect(statSync(file).size).toBe(0);
    await replaceBy(() => symlinkSync('/dev/full', file));
    const insert = app.query(`INSERT INTO revocations (kind, subject) VALUES ('sid', '')`);
    await expect(insert).rejects.toMatchObject({ code: '53100' });
    for (let turn = 0; turn < 3; turn++) expect(await app.logout(user.token, 'global')).toSatisfy(isUnavailable);
    expect((await app.me(user.token)).status).toBe(200);
    expect((await app.login(user.email)).status).toBe(200);
    expect((await app.refresh(user.refreshToken)).status).toBe(200);
    await replaceBy(() => writeFileSync(file, ''));
    expect((await app.logout(user.token, 'global')).status).toBe(204);
    expect((await app.me(user.token)).status).toBe(401);
  });
});

describe('a database that fails over to a standby', () => {
  it(
    'causes 503 for writes until the standby is promoted, then has every acknowledged write, without a restart (FLT-19)',
    { timeout: 60_000 },
    async () => {
      const primary = await DedicatedPostgres.start();
      const standby = await primary.startStandby();
      // An acknowledged commit is on both servers.
      await primary.administer(`ALTER SYSTEM SET synchronous_standby_names = '*'`);
      await primary.administer('SELECT pg_reload_conf()');
      const proxy = await TcpProxy.start(new URL(primary.url));
      const app = await startApp({ databaseUrl: proxiedUrl(proxy, primary.url) });
      const { token, email, refreshToken } = await app.signIn();
      const { all, writing } = startWriters(app);
      await expect.poll(() => all.length, { interval: 1, timeout: 20_000 }).toBeGreaterThan(40);
      await primary.stop();
      proxy.redirectTo(new URL(standby.url));
      expect(await rejectionsOf(writing)).toEqual(new Set(['Error: 503']));
      await expect
        .poll(async () => (await app.call('GET', '/v1/users/me', { token })).status, { timeout: 10_000 })
        .toBe(200);
      expect(await app.call('GET', '/health/ready')).toSatisfy(isUnavailable);
      expect((await app.call('GET', '/health/serving')).status).toBe(200);
      for (const answer of [await app.login(email), await app.refresh(refreshToken), await app.logout(token)])
        expect(answer).toSatisfy(isUnavailable);
      expect((await app.me(token)).status).toBe(200);

      await standby.administer('SELECT pg_promote()');
      await expect.poll(async () => (await app.login(email)).status, { timeout: 10_000 }).toBe(200);
      expect(await lostFacts(all)).toEqual([]);
      expect((await app.logout(token)).status).toBe(204);
      expect((await app.me(token)).status).toBe(401);
      expect((await app.call('GET', '/health/ready')).status).toBe(200);
    },
  );
});
