import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { NO_WAIT, retryUntilDatabaseAnswers } from '../../dist/database/wait-for-database.js';
import { PURGE_GUARDS_LOCK } from '../../src/database/advisory-lock.js';
import { BackgroundJobs } from '../../src/jobs/background-jobs.js';
import { afterAllTests, createDatabase, emptyDatabase, query, testConfig } from '../support/app.js';
import { expectTimeNear } from '../support/timestamps.js';
import { waitForExit, freePort, startMain, MASTER_SECRET, startNode } from '../support/processes.js';

const PROGRAM = ['pgbouncer', '/usr/sbin/pgbouncer'].find((program) => spawnSync(program, ['--version']).status === 0);
const SERVERS = 4;
/** The documented value, except `options`, which is not documented there. */
const IGNORED = 'statement_timeout, lock_timeout, idle_in_transaction_session_timeout';

type OnFinished = (clean: () => Promise<void>) => void;

/** Starts PgBouncer in transaction mode in front of a database; resolves with the URL of the pooler. */
async function startPooler(
  url: string,
  onFinished: OnFinished,
  ignored = IGNORED,
  more: readonly string[] = [],
): Promise<string> {
  const { username, password, hostname, port, pathname, searchParams } = new URL(url);
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-pooler-'));
  chmodSync(folder, 0o711);
  const file = join(folder, 'pgbouncer.ini');
  const host = searchParams.get('host') ?? hostname;
  const listenPort = await freePort();
  const lines = [
    '[databases]',
    `gate = host=${host} port=${port} dbname=${pathname.slice(1)} user=${username} password=${password}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${listenPort}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    `default_pool_size = ${SERVERS}`,
    `min_pool_size = ${SERVERS}`,
    'server_round_robin = 1',
    `ignore_startup_parameters = ${ignored}`,
    ...more,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o644 });
  // PgBouncer refuses to run as root, and only the owner of the socket folder may enter it.
  const { uid, gid } = host.startsWith('/') ? statSync(host) : { uid: 65_534, gid: 65_534 };
  const child = spawn(PROGRAM ?? 'pgbouncer', [file], {
    stdio: 'ignore',
    ...(process.getuid?.() === 0 ? { uid, gid } : {}),
  });
  onFinished(async () => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  await vi.waitFor(
    () =>
      new Promise<void>((resolve, reject) => {
        const probe = createConnection(listenPort, '127.0.0.1', () => resolve(void probe.destroy())).on(
          'error',
          reject,
        );
      }),
    10_000,
  );
  return `postgresql://somebody:anything@127.0.0.1:${listenPort}/gate`;
}

const noop = (): Promise<void> => Promise.resolve();

describe.skipIf(PROGRAM === undefined)(
  'behind PgBouncer in transaction mode (skipped where pgbouncer is not installed)',
  () => {
    const onFinished = afterAllTests();
    let direct: string;

    beforeAll(async () => {
      const url = new URL(await createDatabase(onFinished));
      url.searchParams.delete('options');
      direct = url.href;
      const name = url.pathname.slice(1);
      await query(
        direct,
        `ALTER DATABASE ${name} SET timezone = 'America/New_York'; ALTER DATABASE ${name} SET datestyle = 'SQL, DMY'`,
      );
    });

    it('times are correct on every server connection (TIM-01)', async () => {
      const pooled = await startPooler(direct, onFinished);
      const node = await startNode(
        pooled,
        { DATABASE_DIRECT_URL: direct, HASH_QUEUE_MILLISECONDS: '60000' },
        onFinished,
      );
      const users = await Promise.all(Array.from({ length: 8 }, () => node.client.signIn()));
      const servers = (): Promise<object[]> =>
        query(
          direct,
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> 'gatehouse listen'`,
        );
      await vi.waitFor(async () => expect(await servers()).toHaveLength(SERVERS), 10_000);
      const seen = await Promise.all(
        users.flatMap(({ token }) =>
          Array.from({ length: 10 }, () => node.client.call('GET', '/v1/users/me', { token })),
        ),
      );
      for (const { body } of seen) expectTimeNear(body['createdAt']);
      const [counted] = await query<{ off: number }>(
        direct,
        `SELECT (SELECT count(*) FROM sessions WHERE abs(extract(epoch FROM clock_timestamp() - created_at)) > 60)::int
            + (SELECT count(*) FROM audit_events WHERE abs(extract(epoch FROM clock_timestamp() - occurred_at)) > 60)::int AS off`,
      );
      expect(counted?.off).toBe(0);
      const [first] = users;
      expect((await node.client.logout(first?.token ?? '')).status).toBe(204);
      await expect.poll(async () => (await node.client.me(first?.token ?? '')).status).toBe(401);
    });

    it.each([true, false])(
      'statements of one connection may run on several servers, with DATABASE_DIRECT_URL (%s) or without',
      async (isDeclared) => {
        const pooled = await startPooler(direct, onTestFinished);
        const environment = { HASH_QUEUE_MILLISECONDS: '60000', ...(isDeclared && { DATABASE_DIRECT_URL: direct }) };
        const nodes = await Promise.all([startNode(pooled, environment), startNode(pooled, environment)]);
        const users = await Promise.all(nodes.flatMap(({ client }) => [client.signIn(), client.signIn()]));
        const refreshInTurn = async (refreshToken: string, count: number): Promise<number> => {
          const { status, body } = await (nodes[count % 2] ?? nodes[0]).client.refresh(refreshToken);
          if (status !== 200 || count === 0) return status;
          return refreshInTurn(String(body['refresh_token']), count - 1);
        };
        expect(await Promise.all(users.map(({ refreshToken }) => refreshInTurn(refreshToken, 20)))).toEqual(
          users.map(() => 200),
        );
      },
    );

    it('a start waits while the pooler has the most clients it takes (FLT-26)', async () => {
      const pooled = await startPooler(direct, onTestFinished, IGNORED, ['max_client_conn = 1']);
      // The connection of `startPooler` may still count.
      const only = await vi.waitFor(async () => {
        const client = new pg.Client(pooled);
        await client.connect();
        return client;
      }, 10_000);
      const config = testConfig(pooled, { databaseDirectUrl: direct });
      const reports: unknown[] = [];
      const onWait = (progress: unknown): void => void reports.push(progress);
      const trying = retryUntilDatabaseAnswers(config, { seconds: 60, onWait }, async () => 'done');
      await vi.waitFor(() => expect(reports).toHaveLength(1), 20_000);
      expect(reports[0]).toMatchObject({
        event: 'database_awaited',
        setting: 'DATABASE_URL',
        reason: 'no more connections allowed (max_client_conn)',
      });
      await only.end();
      expect(await trying).toBe('done');
    });

    it('a purge runs on one node from its first batch to its last (BRU-07)', async () => {
      const pooled = await startPooler(direct, onFinished);
      const nodes = ['one', 'other'].map(() => new BackgroundJobs(testConfig(pooled, { databaseDirectUrl: direct })));
      const steps: string[] = [];
      const [one, other] = nodes.map((jobs, node) => (hold: () => Promise<void>) => {
        return jobs.purgeInBatches(PURGE_GUARDS_LOCK, async (_, after = '0') => {
          steps.push(`${node} ${after}`);
          await hold();
          return after === '2' ? undefined : String(Number(after) + 1);
        });
      });
      await one?.(() => other?.(noop) ?? noop());
      expect(steps).toEqual(['0 0', '0 1', '0 2']);
      await other?.(noop);
      expect(steps.slice(3)).toEqual(['1 0', '1 1', '1 2']);
      // No lock remains on the pooled connections.
      const locks = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
      expect(await query(direct, locks)).toEqual([]);
    });

    it('a purge leaves no setting and no lock on pooled connections, even with the pooler in DATABASE_DIRECT_URL (BRU-07)', async () => {
      const pooled = await startPooler(direct, onFinished);
      const jobs = new BackgroundJobs(testConfig(pooled, { databaseDirectUrl: pooled }));
      const clients = Array.from({ length: 4 }, () => new pg.Client({ connectionString: pooled }));
      await Promise.all(clients.map((client) => client.connect()));
      onTestFinished(async () => void (await Promise.all(clients.map((client) => client.end()))));
      const look = `SELECT current_setting('enable_seqscan') || current_setting('idle_in_transaction_session_timeout') AS set, pg_sleep(0.05)`;
      const settings = async (): Promise<Set<string>> =>
        new Set(
          (await Promise.all(clients.map((client) => client.query<{ set: string }>(look)))).map(
            ({ rows }) => rows[0]?.set ?? '',
          ),
        );
      const before = await settings();
      expect(before.size).toBe(1);
      const held = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = ${PURGE_GUARDS_LOCK} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
      let isLocked = false;
      await jobs.purgeInBatches(PURGE_GUARDS_LOCK, async (_, after) => {
        isLocked =
          (await query(direct, `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = ${PURGE_GUARDS_LOCK}`))
            .length > 0;
        await settings();
        return after === undefined ? 'next' : undefined;
      });
      expect(isLocked).toBe(true);
      expect(await settings()).toEqual(before);
      expect(await query(direct, held)).toEqual([]);
    });

    it('a start names the startup parameters that the pooler does not ignore, and the setting to add (CFG-05)', async () => {
      const pooled = await startPooler(direct, onTestFinished, 'statement_timeout');
      const refused = startMain({ DATABASE_URL: pooled, DATABASE_DIRECT_URL: direct, MASTER_SECRET });
      expect(await waitForExit(refused)).toBe(1);
      expect(refused.output()).toMatch(
        /^The pooler of DATABASE_URL at 127\.0\.0\.1:\d+ refuses the connection: unsupported startup parameter: lock_timeout\. /,
      );
      expect(refused.output()).toContain(`set ignore_startup_parameters = ${IGNORED}`);
    });

    it('a start with a schema is refused with the statement to run on the server, and succeeds after it (CFG-05)', async () => {
      const server = await emptyDatabase();
      await query(server, 'CREATE SCHEMA accounts');
      const url = new URL(server);
      url.searchParams.set('schema', 'accounts');
      // A pooler that ignores `options` silently would make the service read other tables.
      const pooled = `${await startPooler(server, onTestFinished, `${IGNORED}, options`)}?schema=accounts`;
      const environment = { DATABASE_URL: pooled, DATABASE_DIRECT_URL: url.href, MASTER_SECRET };
      const refused = startMain({ ...environment, MIGRATE_ON_START: 'on' });
      expect(await waitForExit(refused)).toBe(1);
      const [statement = ''] = /ALTER ROLE [^;]+ SET search_path = "accounts";/.exec(refused.output()) ?? [];
      expect(refused.output()).toContain('DATABASE_URL: its connections have the schema public');
      await query(server, statement);
      const renewed = `${await startPooler(server, onTestFinished)}?schema=accounts`;
      const config = testConfig(renewed, { databaseDirectUrl: url.href });
      await retryUntilDatabaseAnswers(config, NO_WAIT, async () => undefined);
      const node = await startNode(renewed, { DATABASE_DIRECT_URL: url.href, MIGRATE_ON_START: 'on' });
      const { email } = await node.client.signIn();
      expect(await query(server, 'SELECT FROM accounts.users WHERE email_lower = $1', [email])).toHaveLength(1);
    });
  },
);
