import { spawn } from 'node:child_process';
import { once } from 'node:events';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PURGE_GUARDS_LOCK } from '../../src/database/advisory-lock.js';
import { BackgroundJobs } from '../../src/jobs/background-jobs.js';
import { query, testConfig } from '../support/app.js';
import {
  BATCH,
  explainPurge,
  createFilledDatabase,
  PURGES,
  purgeStepOf,
  totalOf,
  type Batch,
} from '../support/purge-plans.js';

const FEW = 10_000;
const MANY = 40_000;
/** Visits of a purged row: found by two statements, locked, then found and deleted by its ctid. */
const VISITS = 5;
/** Index pages per batch: a thousand entries at 50 or more per page, and the descent, twice. */
const INDEX_PAGES = 60;

/** Only index scans and Tid scans, and no batch that costs more than its thousand rows. */
function expectBounded(batches: readonly Batch[]): void {
  const nodes = new Set(batches.flatMap((batch) => batch.nodes));
  expect([...nodes].toSorted()).toEqual(['Index Scan', 'Limit', 'LockRows', 'ModifyTable', 'Tid Scan']);
  for (const { buffers, deleted } of batches)
    expect(buffers).toBeLessThanOrEqual(2 * BATCH + (VISITS - 2) * deleted + INDEX_PAGES);
}

describe.each(PURGES)('$job', { timeout: 60_000 }, (purged) => {
  const { job, table, isByAge } = purged;
  const leftIn = async (databaseUrl: string): Promise<number> =>
    (await query(databaseUrl, `SELECT FROM ${table}`)).length;

  it('makes no sequential scan, and costs the same per row in a small and in a large table (BRU-07)', async () => {
    const perRow: number[] = [];
    for (const count of [FEW, MANY]) {
      const databaseUrl = await createFilledDatabase(purged, { expired: count, live: 0 });
      const batches = await explainPurge(databaseUrl, job);
      expectBounded(batches);
      expect(await leftIn(databaseUrl)).toBe(0);
      perRow.push(totalOf(batches, 'buffers') / count);
    }
    const [few = 0, many = 0] = perRow;
    expect(Math.abs(many - few)).toBeLessThan(0.05);
  });

  it('reads each row of a mostly live table once per statement, and ends (BRU-07)', async () => {
    const [expired, live] = [20, 2 * FEW];
    const databaseUrl = await createFilledDatabase(purged, { expired, live });
    const batches = await explainPurge(databaseUrl, job);
    expectBounded(batches);
    expect(await leftIn(databaseUrl)).toBe(live);
    expect(totalOf(batches, 'deleted')).toBe(expired);
    const looked = isByAge ? BATCH : expired + live;
    expect(batches).toHaveLength(Math.ceil(looked / BATCH));
    expect(totalOf(batches, 'rows')).toBe(2 * looked);
  });

  it('finds the few rows left after a large purge by the index, and soon reads no dead entries (BRU-07)', async () => {
    const live = 20;
    const databaseUrl = await createFilledDatabase(purged, { expired: MANY, live });
    expectBounded(await explainPurge(databaseUrl, job));
    // Tells the planner that the table has few rows on many pages.
    await query(databaseUrl, `ANALYZE ${table}`);
    const purgeOnce = async (): Promise<number> => {
      const batches = await explainPurge(databaseUrl, job);
      expect(batches.flatMap(({ nodes }) => nodes)).not.toContain('Seq Scan');
      expect([batches.length, totalOf(batches, 'rows')]).toEqual([1, 2 * live]);
      return totalOf(batches, 'buffers');
    };
    // Each statement visits the deleted rows at most once more.
    expect(await purgeOnce()).toBeLessThan(2.2 * MANY);
    // After that it visits only index pages, once no other transaction (of autovacuum, say) can see the deleted rows.
    await expect.poll(purgeOnce, { timeout: 20_000 }).toBeLessThan(MANY / 50);
    const vacuumed = async (): Promise<number> => {
      await query(databaseUrl, `VACUUM ${table}`);
      return purgeOnce();
    };
    await expect.poll(vacuumed, { timeout: 20_000 }).toBeLessThan(100);
    expect(await leftIn(databaseUrl)).toBe(live);
  });
});

/** Retries the other node's purge until it starts. */
async function takeOver(steps: readonly string[], purge: () => Promise<void>): Promise<void> {
  await expect.poll(async () => (await purge(), steps), { interval: 50, timeout: 20_000 }).toContain('other');
}

/** A process that purges account guards until it is killed. */
async function startPurgingProcess(databaseUrl: string) {
  const script = `
    import { BackgroundJobs } from './dist/jobs/background-jobs.js';
    const jobs = new BackgroundJobs(${JSON.stringify({ databaseUrl, databaseDirectUrl: databaseUrl })});
    await jobs.purgeInBatches(${PURGE_GUARDS_LOCK}, async (run) => {
      console.log('purging');
      for (;;) await run({ text: 'SELECT pg_sleep(0.1)', values: [] });
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

describe('a purge on two nodes', { timeout: 60_000 }, () => {
  const guards = PURGES.find(({ job }) => job === 'purge account guards');

  /** Jobs of two nodes on one database; each records its steps, and can be delayed in one. */
  async function twoNodes() {
    if (guards === undefined) throw new TypeError('there are no guards');
    const databaseUrl = await createFilledDatabase(guards, { expired: FEW, live: 0 });
    const config = testConfig(databaseUrl);
    const steps: string[] = [];
    const node = (name: string, hold: (count: number) => Promise<void> = async () => undefined) => {
      const jobs = new BackgroundJobs(config);
      const step = purgeStepOf(guards.job, config);
      let count = 0;
      const purge = (): Promise<void> =>
        jobs.purgeInBatches(PURGE_GUARDS_LOCK, async (run, after) => {
          steps.push(name);
          await hold(++count);
          return step(run, after);
        });
      return { purge, shutDown: () => jobs.onModuleDestroy() };
    };
    const left = async (): Promise<number> => (await query(databaseUrl, 'SELECT FROM account_guards')).length;
    return { databaseUrl, steps, node, left };
  }

  it('runs on one node from the first batch to the last, and the lock is not released in between (BRU-07)', async () => {
    const { databaseUrl, steps, node, left } = await twoNodes();
    const waiter = new pg.Client({ connectionString: databaseUrl });
    await waiter.connect();
    onTestFinished(() => waiter.end());
    let granted: Promise<number> | undefined;
    const other = node('other');
    const one = node('one', async () => {
      await other.purge();
      if (granted !== undefined) return;
      granted = waiter.query('SELECT pg_advisory_lock($1)', [PURGE_GUARDS_LOCK]).then(() => steps.length);
      const waiting = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
      await expect.poll(() => query(databaseUrl, waiting), { interval: 5 }).toHaveLength(1);
    });
    await one.purge();
    expect(steps).toEqual(Array.from({ length: 11 }, () => 'one'));
    expect(await granted).toBe(11);
    expect(await left()).toBe(0);
  });

  it('is taken over when the purging node is killed (BRU-07)', async () => {
    const { databaseUrl, steps, node, left } = await twoNodes();
    const other = node('other');
    const child = await startPurgingProcess(databaseUrl);
    await other.purge();
    expect(steps).toEqual([]);
    child.kill('SIGKILL');
    await takeOver(steps, other.purge);
    expect(await left()).toBe(0);
  });

  it('is taken over from a node that hangs, and that one then ends its purge (BRU-07)', async () => {
    const { databaseUrl, steps, node, left } = await twoNodes();
    const other = node('other');
    const child = await startPurgingProcess(databaseUrl);
    const exit = once(child, 'exit');
    child.kill('SIGSTOP');
    await takeOver(steps, other.purge);
    expect(await left()).toBe(0);
    child.kill('SIGCONT');
    expect(await exit).toEqual([1, null]);
  });

  it('is taken over at once and without an error from a node that shuts down (BRU-07)', async () => {
    const { steps, node, left } = await twoNodes();
    const one = node('one', () => one.shutDown());
    const other = node('other');
    await one.purge();
    await takeOver(steps, other.purge);
    expect(steps[1]).toBe('other');
    expect(await left()).toBe(0);
  });
});
