import { expect, it } from 'vitest';
import type pg from 'pg';
import { AuditRepository } from '../src/audit/audit.repository.js';
import { Breaker } from '../src/database/breaker.js';
import { Chores, type ChoreStep } from '../src/database/chores.js';
import { PrismaService } from '../src/database/prisma.service.js';
import { LimitsRepository } from '../src/limits/limits.repository.js';
import { RevocationsRepository } from '../src/sessions/revocations.repository.js';
import { SessionsRepository } from '../src/sessions/sessions.repository.js';
import { createDatabase, query, testConfig, type TestApp } from './app.js';

const FEW = 10_000;
const MANY = 40_000;

/** What each job purges, and rows of it that are over: as they are inserted for each of a series of numbers `n`. */
const PURGES: [job: string, table: string, columns: string, values: string][] = [
  ['purge limits', 'rate_limits', 'key, full_at', `decode(md5(n::text), 'hex'), now() - interval '1 second'`],
  [
    'purge account guards',
    'account_guards',
    'key, failures, next_at',
    `decode(md5(n::text), 'hex'), n % 20, now() - interval '31 days'`,
  ],
  [
    'purge sessions',
    'sessions',
    'id, user_id, ended_at',
    `gen_random_uuid(), (SELECT id FROM users LIMIT 1), now() - interval '2 days'`,
  ],
  ['purge revocations', 'revocations', 'kind, subject, created_at', `'sid', n, now() - interval '2 days'`],
  ['purge audit trail', 'audit_events', 'event, actor, occurred_at', `'old', 'system', now() - interval '1 year'`],
];

interface Statistics {
  readonly deleted: number;
  readonly scans: number;
  readonly buffers: number;
}

/** The service's job, without the service: nodes that follow a table read it as well. */
async function purge(databaseUrl: string, job: string): Promise<void> {
  const prisma = new PrismaService(testConfig(databaseUrl), new Breaker());
  const chores = new Chores(prisma);
  const limits = new LimitsRepository(prisma);
  const steps: Record<string, ChoreStep> = {
    'purge limits': (tx, after) => limits.purgeLimits(tx, after),
    'purge account guards': (tx, after) => limits.purgeGuards(tx, after),
    'purge sessions': (tx, after) => new SessionsRepository(testConfig(databaseUrl), prisma).purge(tx, after),
    'purge revocations': (tx, after) => new RevocationsRepository().purge(tx, after),
    'purge audit trail': (tx, after) => new AuditRepository(prisma).purge(tx, 90, after),
  };
  const step = steps[job];
  if (step === undefined) throw new TypeError(`no such job: ${job}`);
  await chores.walk(1, step);
  await prisma.onApplicationShutdown();
}

async function statistics(app: Pick<TestApp, 'query'>, table: string): Promise<Statistics> {
  const [row] = await app.query<Record<keyof Statistics, string>>(
    `SELECT n_tup_del AS deleted, seq_scan AS scans,
            heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read AS buffers
     FROM pg_stat_user_tables JOIN pg_statio_user_tables USING (relid) WHERE relid = $1::regclass`,
    [table],
  );
  return { deleted: Number(row?.deleted), scans: Number(row?.scans), buffers: Number(row?.buffers) };
}

it.each(PURGES)(
  '%s reads no table from end to end, and a row costs the same in a small and in a large one (BRU-07)',
  { timeout: 60_000 },
  async (job, table, columns, values) => {
    const perRow: number[] = [];
    for (const count of [FEW, MANY]) {
      const databaseUrl = await createDatabase();
      const app = {
        query: <Row extends pg.QueryResultRow>(sql: string, input: unknown[] = []) =>
          query<Row>(databaseUrl, sql, input),
      };
      await app.query(
        `INSERT INTO users (id, email, email_lower, password_hash) VALUES (gen_random_uuid(), 'a@b', 'a@b', '')`,
      );
      // Autovacuum's reads would be counted as well.
      await app.query(`ALTER TABLE ${table} SET (autovacuum_enabled = off)`);
      await app.query(`INSERT INTO ${table} (${columns}) SELECT ${values} FROM generate_series(1, ${count}) n`);
      // The planner knows the table's size, as it does after a while; what was inserted is counted before the purge is.
      await app.query(`ANALYZE ${table}`);
      const before = await statistics(app, table);
      await purge(databaseUrl, job);
      await expect
        .poll(async () => (await statistics(app, table)).deleted - before.deleted, { timeout: 20_000, interval: 200 })
        .toBe(count);
      const after = await statistics(app, table);
      expect(after.scans - before.scans).toBe(0);
      perRow.push((after.buffers - before.buffers) / count);
    }
    const [few = 0, many = 0] = perRow;
    expect(many / few).toBeLessThan(1.2);
    expect(few / many).toBeLessThan(1.2);
    expect(many).toBeLessThan(20);
  },
);
