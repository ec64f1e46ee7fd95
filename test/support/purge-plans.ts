import { AuditRepository } from '../../src/audit/audit.repository.js';
import type { Config } from '../../src/config/config.js';
import { CircuitBreaker } from '../../src/database/circuit-breaker.js';
import { BackgroundJobs } from '../../src/jobs/background-jobs.js';
import type { PurgeStep, PurgeQuery } from '../../src/jobs/purge-in-batches.js';
import { Prisma, PrismaService } from '../../src/database/prisma.service.js';
import { MailsRepository } from '../../src/mail/mails.repository.js';
import { OneTimeTokensRepository } from '../../src/one-time-tokens/one-time-tokens.repository.js';
import { RateLimitsRepository } from '../../src/rate-limits/rate-limits.repository.js';
import { RevocationsRepository } from '../../src/revocation/revocations.repository.js';
import { SessionLimits } from '../../src/sessions/session-limits.js';
import { SESSION_RETENTION_SECONDS } from '../../src/sessions/sessions-purge.job.js';
import { SessionsRepository } from '../../src/sessions/sessions.repository.js';
import { createDatabase, query, testConfig } from './app.js';

/** A purge job, its table, and SQL values for expired and live rows, for each `n` of a series. */
export interface PurgeCase {
  readonly job: string;
  readonly table: string;
  readonly columns: string;
  readonly expired: string;
  readonly live: string;
  /** Whether the purge is ordered by age and stops at the first live row. */
  readonly isByAge: boolean;
}

/** Rows that one batch reads. */
export const BATCH = 1000;

const USER = '(SELECT id FROM users LIMIT 1)';

export const PURGES: readonly PurgeCase[] = [
  {
    job: 'purge limits',
    table: 'rate_limits',
    columns: 'key, full_at',
    expired: `decode(md5(n::text), 'hex'), now() - interval '1 second'`,
    live: `decode(md5('live ' || n), 'hex'), now() + interval '1 hour'`,
    isByAge: false,
  },
  {
    job: 'purge account guards',
    table: 'account_guards',
    columns: 'key, failures, next_at',
    expired: `decode(md5(n::text), 'hex'), n % 20, now() - interval '31 days'`,
    live: `decode(md5('live ' || n), 'hex'), 10, now() - interval '29 days'`,
    isByAge: false,
  },
  {
    job: 'purge sessions',
    table: 'sessions',
    columns: 'id, user_id, ended_at',
    expired: `gen_random_uuid(), ${USER}, now() - interval '2 days'`,
    live: `gen_random_uuid(), ${USER}, NULL`,
    isByAge: false,
  },
  {
    job: 'purge revocations',
    table: 'revocations',
    columns: 'kind, subject, created_at',
    expired: `'sid', n, now() - interval '2 days'`,
    live: `'sid', n, now()`,
    isByAge: true,
  },
  {
    job: 'purge audit trail',
    table: 'audit_events',
    columns: 'event, actor, occurred_at',
    expired: `'old', 'system', now() - interval '1 year'`,
    live: `'new', 'system', now()`,
    isByAge: true,
  },
  {
    job: 'purge mails',
    table: 'mails',
    columns: 'id, template, recipient, recipient_lower, language, available_at, outcome, done_at',
    expired: `gen_random_uuid(), 'test', 'a@b', 'a@b', 'en', NULL, 'sent', now() - interval '2 days'`,
    live: `gen_random_uuid(), 'test', 'a@b', 'a@b', 'en', now() + interval '1 hour', NULL, NULL`,
    isByAge: false,
  },
  {
    job: 'purge one-time tokens',
    table: 'one_time_tokens',
    columns: 'id, purpose, user_id, email, email_lower, expires_at',
    expired: `gen_random_uuid(), 'password_reset', ${USER}, 'a@b', 'a@b', now() - interval '2 days'`,
    live: `gen_random_uuid(), 'password_reset', ${USER}, 'a@b', 'a@b', now() + interval '1 hour'`,
    isByAge: false,
  },
];

/** Creates a database with this many expired and live rows in one table, and analyzes the table. */
export async function createFilledDatabase(
  { table, columns, expired, live }: PurgeCase,
  counts: { readonly expired: number; readonly live: number },
): Promise<string> {
  const databaseUrl = await createDatabase();
  await query(
    databaseUrl,
    `INSERT INTO users (id, email, email_lower, password_hash) VALUES (gen_random_uuid(), 'a@b', 'a@b', '')`,
  );
  // Deleted rows stay in the indexes, as they do until autovacuum runs.
  await query(databaseUrl, `ALTER TABLE ${table} SET (autovacuum_enabled = off)`);
  for (const [values, count] of [
    [expired, counts.expired],
    [live, counts.live],
  ] as const) {
    await query(databaseUrl, `INSERT INTO ${table} (${columns}) SELECT ${values} FROM generate_series(1, ${count}) n`);
  }
  await query(databaseUrl, `ANALYZE ${table}`);
  return databaseUrl;
}

/** The purge step of a job without a running service, whose change feed would read the table too. */
export function purgeStepOf(job: string, config: Config): PurgeStep {
  // This client never connects.
  const prisma = new PrismaService(config, new CircuitBreaker());
  const limits = new RateLimitsRepository(prisma);
  const sessions = new SessionsRepository(prisma, new SessionLimits(config));
  const steps: Record<string, PurgeStep> = {
    'purge limits': (run, after) => limits.purgeLimits(run, after),
    'purge account guards': (run, after) => limits.purgeAccountGuards(run, after),
    'purge sessions': (run, after) => sessions.purgeSessionBatch(run, SESSION_RETENTION_SECONDS, after),
    'purge revocations': (run, after) => new RevocationsRepository().purgeRevocationBatch(run, after),
    'purge mails': (run, after) => new MailsRepository(prisma).purgeMailBatch(run, after),
    'purge one-time tokens': (run, after) => new OneTimeTokensRepository(prisma).purgeTokenBatch(run, after),
    'purge audit trail': (run, after) => new AuditRepository(prisma).purgeEventBatch(run, 90, after),
  };
  const step = steps[job];
  if (step === undefined) throw new TypeError(`no such job: ${job}`);
  return step;
}

/** What PostgreSQL reports for one batch. */
export interface Batch {
  buffers: number;
  deleted: number;
  /** Execution time of the statements. */
  milliseconds: number;
  /** Rows read, summed over the statements. */
  rows: number;
  readonly nodes: string[];
}

interface Plan {
  readonly 'Node Type': string;
  readonly 'Actual Rows': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly Plan[];
}

/** Purges as the service does, with EXPLAIN ANALYZE for each statement. */
export async function explainPurge(databaseUrl: string, job: string): Promise<Batch[]> {
  const config = testConfig(databaseUrl);
  const batches: Batch[] = [];
  const step = purgeStepOf(job, config);
  await new BackgroundJobs(config).purgeInBatches(1, (run, after) => {
    const batch: Batch = { buffers: 0, deleted: 0, milliseconds: 0, rows: 0, nodes: [] };
    batches.push(batch);
    return step(explained(run, batch), after);
  });
  return batches;
}

function explained(run: PurgeQuery, batch: Batch): PurgeQuery {
  return async <Row extends object>(sql: Prisma.Sql): Promise<Row[]> => {
    const [row] = await run<{ 'QUERY PLAN': { Plan: Plan; 'Execution Time': number }[] }>(
      Prisma.sql`EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) ${sql}`,
    );
    const { Plan: plan, 'Execution Time': milliseconds = 0 } = row?.['QUERY PLAN'][0] ?? {};
    if (plan === undefined) throw new TypeError('there is no plan');
    batch.milliseconds += milliseconds;
    batch.buffers += plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
    for (const node of nodesOf(plan)) {
      batch.nodes.push(node['Node Type']);
      if (node['Node Type'] === 'Tid Scan') batch.deleted += node['Actual Rows'];
      if (node['Node Type'] === 'Index Scan') batch.rows += node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0);
    }
    // EXPLAIN ANALYZE has already executed the DELETE.
    return plan['Node Type'] === 'ModifyTable' ? [] : run<Row>(sql);
  };
}

function nodesOf(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

export function totalOf(batches: readonly Batch[], member: 'buffers' | 'deleted' | 'rows'): number {
  return batches.reduce((sum, batch) => sum + batch[member], 0);
}
