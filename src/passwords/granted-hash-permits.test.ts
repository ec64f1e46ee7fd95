import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Problem } from '../problems/problem.js';
import { HashPermitAllocator } from './hash-permit-allocator.js';
import { HashPool, type HashPoolOptions } from './hash-pool.js';
import { DEMAND_REPEAT_MS, type HashDemandReport, type HashPermitGrant } from './hash-permit-messages.js';
import type { HashTask } from './hash-worker-handle.js';
import { GrantedHashPermits } from './granted-hash-permits.js';

const cheap: HashTask = {
  kind: 'hash',
  password: 'correct horse battery',
  cost: { memoryKib: 8, passes: 1, lanes: 1 },
};
/** Takes some hundreds of milliseconds. */
const slow: HashTask = { ...cheap, cost: { memoryKib: 32_768, passes: 16, lanes: 1 } };

/** Pools that share their permits as the workers of a node do, by messages through a primary that can be stopped. */
function startPools(limit: number, count: number, options: Partial<HashPoolOptions> = {}) {
  const allocator = new HashPermitAllocator(limit);
  const primary = { isStopped: false, unread: [] as (() => void)[] };
  const toPrimary = (read: () => void): void => {
    setImmediate(() => (primary.isStopped ? void primary.unread.push(read) : read()));
  };
  const pools = Array.from({ length: count }, () => {
    const permits = new GrantedHashPermits(limit, (report: HashDemandReport) =>
      toPrimary(() => worker.receiveReport(report)),
    );
    const worker = allocator.addWorker((grant: HashPermitGrant) => setImmediate(() => permits.receiveGrant(grant)));
    const pool = new HashPool({ limit, permits, queueMilliseconds: 60_000, ...options });
    onTestFinished(() => pool.close());
    return pool;
  });
  const resume = (): void => {
    primary.isStopped = false;
    for (const read of primary.unread.splice(0)) read();
  };
  const runningInAll = (): number => pools.reduce((sum, pool) => sum + pool.hashPoolStats().running, 0);
  return { pools: pools as [HashPool, HashPool, ...HashPool[]], primary, resume, runningInAll };
}

describe('pools that share the hashes of a node', () => {
  it('together run no more than HASH_CONCURRENCY and lose none (FLT-14)', async () => {
    const { pools, runningInAll } = startPools(2, 3);
    const seen: number[] = [];
    const hashes = pools.flatMap((pool) =>
      Array.from({ length: 30 }, async () => {
        const hash = await pool.runHash(cheap);
        seen.push(runningInAll());
        return hash;
      }),
    );
    expect(new Set(await Promise.all(hashes)).size).toBe(90);
    expect(Math.max(...seen)).toBeLessThanOrEqual(2);
  });

  it('leave all permits to a pool that is alone busy', async () => {
    const { pools } = startPools(2, 2);
    for (const pool of pools) await pool.runHash(cheap);
    const hashes = [pools[0].runHash(slow), pools[0].runHash(slow)];
    await expect.poll(() => pools[0].hashPoolStats(), { interval: 1 }).toMatchObject({ running: 2, waiting: 0 });
    await Promise.all(hashes);
  });

  it('do not starve one: its hash does not wait for those that arrive at another later (FLT-14)', async () => {
    const { pools } = startPools(1, 2);
    const [busy, other] = pools;
    const served = new AbortController();
    let later = 0;
    const flood = async (): Promise<void> => {
      while (!served.signal.aborted) {
        await busy.runHash({ ...slow, cost: { ...slow.cost, passes: 1 } });
        later++;
      }
    };
    const floods = [flood(), flood(), flood()];
    await expect.poll(() => busy.hashPoolStats().waiting).toBe(2);
    later = 0;
    await other.runHash(cheap);
    served.abort();
    await Promise.all(floods);
    expect(later).toBeLessThan(10);
  });

  it('refuse on arrival by the queue of the node, with its wait in Retry-After (FLT-14)', async () => {
    const { pools } = startPools(1, 2, { queueMilliseconds: 2000 });
    const [full, other] = pools;
    // Each process expects what it has measured itself.
    await full.runHash(slow);
    await other.runHash({ ...slow, cost: { ...slow.cost, passes: 32 } });
    const works = Array.from({ length: 60 }, () => full.runHash(slow).catch(() => undefined));
    await expect.poll(() => other.overloadProblem()).toBeInstanceOf(Problem);
    expect(other.hashPoolStats()).toMatchObject({ running: 0, waiting: 0 });
    expect(Number(other.overloadProblem()?.headers['retry-after'])).toBeGreaterThanOrEqual(2);
    expect(other.runHashIfIdle(cheap)).toBeUndefined();
    await full.close();
    await Promise.all(works);
  });

  it('with a queue time of 0 still wait for a permit that is on its way from another pool', async () => {
    const { pools } = startPools(1, 2, { queueMilliseconds: 0 });
    for (const pool of [...pools, ...pools]) {
      await expect.poll(() => pool.overloadProblem()).toBeUndefined();
      expect(await pool.runHash(cheap)).toContain('$argon2id$');
    }
  });
});

describe('while the primary is stopped', () => {
  it('a pool hashes on with the permits it holds, without it no more than the node may, and with it all again', async () => {
    const { pools, primary, resume, runningInAll } = startPools(2, 2);
    const [holder, other] = pools;
    await Promise.all([holder.runHash(slow), holder.runHash(slow)]);
    primary.isStopped = true;
    const waiting = other.runHash(cheap);
    expect(await Promise.all([holder.runHash(cheap), holder.runHash(cheap), holder.runHash(cheap)])).toHaveLength(3);
    expect(other.hashPoolStats()).toMatchObject({ running: 0, waiting: 1 });
    expect(runningInAll()).toBeLessThanOrEqual(2);
    resume();
    expect(await waiting).toContain('$argon2id$');
  });

  it('a pool without permits refuses at the deadline with Retry-After', async () => {
    const { pools, primary } = startPools(1, 2, { queueMilliseconds: 200 });
    await pools[0].runHash(cheap);
    primary.isStopped = true;
    const error: unknown = await pools[1].runHash(cheap).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ kind: { code: 'service_unavailable' }, headers: { 'retry-after': '1' } });
  });

  it('what is known of the other processes expires, so that nobody refuses for ever because of it', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const permits = new GrantedHashPermits(1, () => undefined);
    permits.receiveGrant({ granted: 1, recalled: 0, demandElsewhere: 400 });
    expect(permits.demandElsewhere).toBe(400);
    vi.advanceTimersByTime(8 * DEMAND_REPEAT_MS);
    expect(permits).toMatchObject({ demandElsewhere: 0, held: 1 });
  });
});

it('a pool that needs no permit of another sends few reports, however many hashes it runs', async () => {
  const reports: HashDemandReport[] = [];
  const permits = new GrantedHashPermits(1, (report) => reports.push(report));
  const pool = new HashPool({ limit: 1, permits, queueMilliseconds: 60_000 });
  onTestFinished(() => pool.close());
  permits.receiveGrant({ granted: 1, recalled: 0, demandElsewhere: 0 });
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: 500 }, () => pool.runHash(cheap)));
  await pause(30);
  expect(reports.length).toBeLessThanOrEqual(2 + (performance.now() - startedAt) / 10);
});
