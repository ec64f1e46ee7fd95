import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withBench, type Bench } from './harness.ts';
import { addStatementStatistics } from './statement-statistics.ts';
import { UsageError } from './usage-error.ts';

const DEFAULT_SIZES = '10000,1000000,10000000';
export const LIVE_REVOCATIONS = 100_000;
/** Rows in each table that a purge deletes. */
export const PURGED_ROWS = 10_000;
const MOST_ROUNDS = 1000;
const LEAST_ID = MOST_ROUNDS * PURGED_ROWS + 1;
/** Tables that grow. */
export const GROWING_TABLES = [
  'users',
  'sessions',
  'audit_events',
  'devices',
  'rate_limits',
  'account_guards',
  'revocations',
];

/** A database with as many users and sessions as `size`, and twice as many audit events. */
export interface Seeded {
  readonly size: number;
  /** The secret that its sessions' refresh tokens are made with. */
  readonly masterSecret: string;
}

/** The sizes of `GROWTH_SIZES`, ascending. @throws {UsageError} */
export function sizesOf(setting = process.env['GROWTH_SIZES'] ?? DEFAULT_SIZES): number[] {
  const sizes = setting.split(',').map(Number);
  if (sizes.some((size) => !Number.isSafeInteger(size) || size < 1000 || size > 40_000_000)) {
    throw new UsageError(`GROWTH_SIZES is not a list of numbers from 1000 to 40000000: ${setting}`);
  }
  return sizes.toSorted((a, b) => a - b);
}

/**
 * Runs the work on each size in turn. A database that is missing is seeded by the product's command, below `GROWTH_DATA`, where
 * it stays for the next run; by default in a folder that is deleted.
 */
export async function onEachSize<Made>(work: (bench: Bench, seeded: Seeded) => Promise<Made>): Promise<Made[]> {
  const given = process.env['GROWTH_DATA'];
  const root = given ?? mkdtempSync(join(tmpdir(), 'gatehouse-growth-'));
  mkdirSync(root, { recursive: true });
  // The database server's own system user, if any, needs access.
  chmodSync(root, 0o711);
  const made: Made[] = [];
  try {
    for (const size of sizesOf()) {
      const folder = await seed(root, size);
      await addStatementStatistics(folder, 'gatehouse');
      const masterSecret = readFileSync(join(folder, 'master-secret'), 'utf8').trim();
      made.push(await withBench((bench) => work(bench, { size, masterSecret }), { dataDirectory: folder }));
    }
    return made;
  } finally {
    if (given === undefined) rmSync(root, { recursive: true, force: true });
  }
}

/** Seeds the database unless it is there. The file `<size>.done` beside it says that a seed was complete. */
async function seed(root: string, size: number): Promise<string> {
  const [folder, done] = [join(root, String(size)), join(root, `${size}.done`)];
  if (existsSync(done)) return folder;
  rmSync(folder, { recursive: true, force: true });
  const amounts = ['--users', String(size), '--sessions', String(size), '--events', String(2 * size)];
  const startedAt = performance.now();
  await promisify(execFile)(process.execPath, ['dist/cli/gatehouse.js', 'seed', ...amounts], {
    env: { PATH: process.env['PATH'], DATA_DIR: folder },
  });
  console.log(`  seeded ${size} users in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  writeFileSync(done, '');
  return folder;
}

/**
 * Fills the tables that the seed leaves empty: limits, account guards and devices for one of ten users, and
 * {@link LIVE_REVOCATIONS}. Deletes what an earlier run left.
 */
export async function fillOtherTables(bench: Bench, { size }: Seeded): Promise<void> {
  const tenth = Math.ceil(size / 10);
  for (const sql of [
    // Its snapshot would keep deleted rows from being removed, and their entries from being skipped.
    ...GROWING_TABLES.map((table) => `ALTER TABLE ${table} SET (autovacuum_enabled = off)`),
    'TRUNCATE rate_limits, account_guards, devices, revocations',
    `DELETE FROM sessions WHERE id < '00000001-0000-7000-8000-000000000000'`,
    'DELETE FROM audit_events WHERE id < 0',
    `INSERT INTO rate_limits (key, full_at) SELECT sha256(n::text::bytea), now() + interval '1 day' FROM generate_series(1, ${tenth}) n`,
    `INSERT INTO account_guards (key, failures, next_at) SELECT sha256(n::text::bytea), 3, now() FROM generate_series(1, ${tenth}) n`,
    `INSERT INTO devices (id, user_id) SELECT gen_random_uuid(), id FROM (SELECT id FROM users ORDER BY id DESC LIMIT ${tenth}) newest`,
    `INSERT INTO revocations (kind, subject) SELECT 'sid', gen_random_uuid()::text FROM generate_series(1, ${LIVE_REVOCATIONS})`,
    'ANALYZE',
  ]) {
    await bench.query(bench.databaseUrl, sql);
  }
}

/**
 * Rows that the purges delete, each the first in the order of its table's key. Those of a later round come before those of an earlier
 * one, whose entries stay in the indexes until vacuum has run.
 */
export async function addExpiredRows(bench: Bench, round: number): Promise<void> {
  const key = `'\\x000000'::bytea || int4send(n)`;
  const id = `('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid`;
  const last = (MOST_ROUNDS - round) * PURGED_ROWS;
  const [rows, longAgo] = [`generate_series(${last - PURGED_ROWS + 1}, ${last}) n`, `now() - interval '400 days'`];
  for (const sql of [
    `INSERT INTO rate_limits (key, full_at) SELECT ${key}, ${longAgo} FROM ${rows}`,
    `INSERT INTO account_guards (key, failures, next_at) SELECT ${key}, 3, ${longAgo} FROM ${rows}`,
    `INSERT INTO sessions (id, user_id, ended_at) SELECT ${id}, u.id, ${longAgo} FROM (SELECT id FROM users LIMIT 1) u, ${rows}`,
    `INSERT INTO revocations (id, kind, subject, created_at) SELECT n - ${LEAST_ID}, 'sid', n::text, ${longAgo} FROM ${rows}`,
    `INSERT INTO audit_events (id, event, actor, occurred_at) SELECT n - ${LEAST_ID}, 'old', 'system', ${longAgo} FROM ${rows}`,
  ]) {
    await bench.query(bench.databaseUrl, sql);
  }
}

/** After the measurement; {@link fillOtherTables} had switched autovacuum off. */
export async function letVacuumRun(bench: Bench): Promise<void> {
  for (const table of GROWING_TABLES) {
    await bench.query(bench.databaseUrl, `ALTER TABLE ${table} RESET (autovacuum_enabled)`);
  }
}
