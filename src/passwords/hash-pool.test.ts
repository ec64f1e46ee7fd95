import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Problem } from '../problems/problem.js';
import { allHashPermits } from './hash-permits.js';
import { HashPool, type HashPoolOptions, type ShedReason } from './hash-pool.js';
import type { HashTask } from './hash-worker-handle.js';

/** The time that a pool assumes for each hash until it has timed one. */
const ASSUMED_MS = 50;
const CHEAP = { memoryKib: 8, passes: 1, lanes: 1 };
const cheap: HashTask = { kind: 'hash', password: 'correct horse battery', cost: CHEAP };
/** Takes some hundreds of milliseconds, so that it still runs while the test goes on. */
const slow: HashTask = { ...cheap, cost: { memoryKib: 32_768, passes: 16, lanes: 1 } };
const verySlow: HashTask = { ...slow, cost: { ...slow.cost, passes: 64 } };

function startPool(options: Partial<HashPoolOptions> = {}): HashPool {
  const pool = new HashPool({ limit: 1, queueMilliseconds: 60_000, ...options });
  onTestFinished(() => pool.close());
  return pool;
}

/**
 * The worker threads that this process starts from now on (Node emits `worker` in the next
 * tick), and how often they answer.
 */
function watchWorkers(): { readonly threads: Worker[]; answers: number } {
  const seen = { threads: [] as Worker[], answers: 0 };
  const onWorker = (worker: Worker): void => {
    seen.threads.push(worker);
    worker.on('message', () => seen.answers++);
  };
  process.on('worker', onWorker);
  onTestFinished(() => void process.off('worker', onWorker));
  return seen;
}

/** How many threads of this process have a niceness of 19: proc(5), the 34th field from the end of 52. */
function countNiceThreads(): number {
  const states = readdirSync('/proc/self/task').map((id) => readFileSync(`/proc/self/task/${id}/stat`, 'utf8'));
  return states.filter((state) => state.split(' ').at(-34) === '19').length;
}

/** The problem that the work fails with, or undefined. */
async function problemOf(work: Promise<unknown>): Promise<Problem | undefined> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined || error instanceof Problem) return error;
  throw error;
}

function repeat<Result>(times: number, work: (turn: number) => Result): Result[] {
  return Array.from({ length: times }, (_, turn) => work(turn));
}

describe('a pool of hashing threads', () => {
  it('runs the hash of the start although other processes have every permit (FLT-14)', async () => {
    const permits = { held: 0, handoverMs: 0, demandElsewhere: 100, onGranted() {}, reportDemand() {} };
    const pool = startPool({ permits, queueMilliseconds: 0 });
    expect(await problemOf(pool.runHash(cheap))).toMatchObject({ kind: { status: 503 } });
    expect(await pool.runStartupHash(cheap)).toMatch(/^\$argon2id\$/);
  });

  it('runs hashes in order of arrival', async () => {
    const pool = startPool();
    const order: number[] = [];
    await Promise.all(
      repeat(6, async (turn) => {
        await pool.runHash(turn === 0 ? slow : cheap);
        order.push(turn);
      }),
    );
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('never runs more hashes at once than its limit, has as many threads, and loses no hash (FLT-14)', async () => {
    const workers = watchWorkers();
    const pool = startPool({ limit: 2 });
    const seen: number[] = [];
    const hashes = Promise.all(
      repeat(40, async () => {
        const hash = await pool.runHash(cheap);
        seen.push(pool.hashPoolStats().running);
        return hash;
      }),
    );
    expect(pool.hashPoolStats()).toMatchObject({ running: 2, waiting: 38, limit: 2 });
    expect(new Set(await hashes).size).toBe(40);
    expect(Math.max(...seen)).toBeLessThanOrEqual(2);
    expect(workers.threads).toHaveLength(2);
    expect(pool.hashPoolStats()).toMatchObject({ running: 0, waiting: 0 });
  });

  it('starts a thread when it is first needed and reuses it for the next hash', async () => {
    const workers = watchWorkers();
    const pool = startPool({ limit: 2 });
    expect(workers.threads).toHaveLength(0);
    await pool.runHash(cheap);
    await pool.runHash(cheap);
    expect(workers.threads).toHaveLength(1);
  });

  it('ends threads that are idle for longer than they may be, all but one, and starts them again when needed', async () => {
    const workers = watchWorkers();
    const pool = startPool({ limit: 3, maxIdleThreadMs: 500 });
    await Promise.all(repeat(3, () => pool.runHash(cheap)));
    const live = (): number => workers.threads.filter(({ threadId }) => threadId !== -1).length;
    expect(live()).toBe(3);
    await expect.poll(live).toBe(1);
    expect(await Promise.all(repeat(3, () => pool.runHash(cheap)))).toHaveLength(3);
    expect(workers.threads).toHaveLength(5);
  });

  it('verifies with each argon2 package what the other has hashed', async () => {
    const pools = [startPool(), startPool({ packages: ['argon2'] })] as const;
    const { password } = cheap;
    for (const [one, other] of [pools, pools.toReversed()]) {
      const passwordHash = String(await one?.runHash(cheap));
      expect(await other?.runHash({ kind: 'verify', password, passwordHash })).toBe(true);
      expect(await other?.runHash({ kind: 'verify', password: `${password}.`, passwordHash })).toBe(false);
    }
  });

  it('rejects with what argon2 throws and keeps its thread', async () => {
    const workers = watchWorkers();
    const pool = startPool();
    await expect(
      pool.runHash({ kind: 'verify', password: 'any', passwordHash: '$argon2id$damaged' }),
    ).rejects.toThrow();
    expect(await pool.runHash(cheap)).toContain('$argon2id$');
    expect(workers.threads).toHaveLength(1);
  });

  it.runIf(process.platform === 'linux')(
    'gives its threads the lowest priority and leaves other threads alone',
    async () => {
      const before = countNiceThreads();
      await Promise.all(repeat(2, () => startPool().runHash(slow)));
      expect(countNiceThreads()).toBe(before + 2);
      expect(getPriority()).toBe(0);
    },
  );

  it('when closed, refuses queued and new hashes and ends each thread after its current hash', async () => {
    const workers = watchWorkers();
    const pool = startPool();
    const works = [pool.runHash(slow), problemOf(pool.runHash(cheap))];
    await expect.poll(() => workers.threads).toHaveLength(1);
    const closed = pool.close();
    expect(pool.hashPoolStats()).toMatchObject({ running: 1, waiting: 0 });
    await closed;
    expect(workers.threads.map(({ threadId }) => threadId)).toEqual([-1]);
    expect(await Promise.all(works)).toEqual([expect.stringContaining('$argon2id$'), expect.any(Problem)]);
    expect(await problemOf(pool.runHash(cheap))).toBeInstanceOf(Problem);
  });
});

it('a closed pool without permits refuses a hash at once, not at the deadline', async () => {
  const permits = { ...allHashPermits(0), handoverMs: 100 };
  const pool = startPool({ permits });
  await pool.close();
  const refused = vi.fn<(error: unknown) => void>();
  void pool.runHash(cheap).catch(refused);
  await new Promise(setImmediate);
  expect(refused).toHaveBeenCalledExactlyOnceWith(expect.any(Problem));
  expect(pool.hashPoolStats()).toMatchObject({ waiting: 0, shed: { arrival: 0, deadline: 0, gone: 0 } });
});

describe('a hashing thread that dies', () => {
  it('fails its hash and is replaced for the hashes that wait', async () => {
    const workers = watchWorkers();
    const pool = startPool();
    const lost = pool.runHash(slow);
    const waiting = repeat(3, () => pool.runHash(cheap));
    const failed = expect(lost).rejects.toThrow('The hash thread exited before it answered');
    await expect.poll(() => workers.threads[0]?.terminate()).toBeDefined();
    await failed;
    expect(await Promise.all(waiting)).toHaveLength(3);
    expect(workers.threads).toHaveLength(2);
    expect(pool.hashPoolStats()).toMatchObject({ running: 0, waiting: 0 });
  });

  it('while idle is replaced at the next hash', async () => {
    const workers = watchWorkers();
    const pool = startPool();
    await pool.runHash(cheap);
    await workers.threads[0]?.terminate();
    expect(await pool.runHash(cheap)).toContain('$argon2id$');
    expect(workers.threads).toHaveLength(2);
  });

  it('because no argon2 package loads fails each hash with that cause', async () => {
    const pool = startPool({ packages: [] });
    for (const work of [pool.runHash(cheap), pool.runHash(cheap)]) {
      await expect(work).rejects.toMatchObject({ cause: { message: expect.stringContaining('No argon2 package') } });
    }
  });
});

describe('the queue for a hash', () => {
  it('refuses on arrival a hash that could not start in time; Retry-After is the expected wait (FLT-14, FLT-15)', async () => {
    const reasons: ShedReason[] = [];
    // Long enough that a busy machine has done them all in that time.
    const pool = startPool({ queueMilliseconds: 400 * ASSUMED_MS, onShed: (reason) => reasons.push(reason) });
    const accepted = repeat(401, (turn) => pool.runHash(turn === 0 ? slow : cheap));
    const refused = repeat(3, () => problemOf(pool.runHash(cheap)));
    expect(pool.hashPoolStats()).toMatchObject({
      running: 1,
      waiting: 400,
      shed: { arrival: 3, deadline: 0, gone: 0 },
    });
    for (const problem of await Promise.all(refused)) {
      expect(problem).toMatchObject({ kind: { code: 'service_unavailable' }, isAlreadyLogged: true });
      expect(problem?.headers['retry-after']).toBe('21');
    }
    expect(pool.hashPoolStats().running).toBe(1);
    expect(await Promise.all(accepted)).toHaveLength(401);
    expect(reasons).toEqual(['arrival', 'arrival', 'arrival']);
  });

  it('expects a longer wait after slow hashes', async () => {
    const pool = startPool({ queueMilliseconds: 10 * ASSUMED_MS });
    await pool.runHash(verySlow);
    await pool.runHash(verySlow);
    const works = repeat(11, () => problemOf(pool.runHash(cheap)));
    expect(pool.hashPoolStats().shed.arrival).toBeGreaterThan(0);
    await Promise.all(works);
  });

  it('holds at most one hash for each millisecond of its time, however cheap a hash is (FLT-14)', async () => {
    const pool = startPool({ queueMilliseconds: 2000 });
    for (let turn = 0; turn < 100; turn++) await pool.runHash(cheap);
    const works = [pool.runHash(slow), ...repeat(5000, () => pool.runHash(cheap))].map((work) => problemOf(work));
    expect(pool.hashPoolStats().waiting).toBeGreaterThan(40);
    expect(pool.hashPoolStats().waiting).toBeLessThanOrEqual(2000);
    await Promise.all(works);
  });

  it('with a time of 0 accepts a hash only if a thread is idle', async () => {
    const pool = startPool({ queueMilliseconds: 0 });
    const first = pool.runHash(slow);
    expect(await problemOf(pool.runHash(cheap))).toBeInstanceOf(Problem);
    await first;
    expect(await pool.runHash(cheap)).toContain('$argon2id$');
  });

  it('refuses a hash that has waited too long while the thread is still busy (FLT-14)', async () => {
    const workers = watchWorkers();
    const pool = startPool({ queueMilliseconds: ASSUMED_MS });
    const long = pool.runHash(verySlow);
    expect(await problemOf(pool.runHash(cheap))).toBeInstanceOf(Problem);
    expect(pool.hashPoolStats()).toMatchObject({ running: 1, waiting: 0, shed: { arrival: 0, deadline: 1 } });
    await long;
    expect(workers.answers).toBe(1);
  });

  it('refuses a hash that has waited too long, when its turn comes before its late timer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const pool = startPool({ queueMilliseconds: ASSUMED_MS });
    const works = [pool.runHash(verySlow), problemOf(pool.runHash(cheap))];
    expect(pool.hashPoolStats().waiting).toBe(1);
    expect(await Promise.all(works)).toEqual([expect.stringContaining('$argon2id$'), expect.any(Problem)]);
    expect(pool.hashPoolStats().shed.deadline).toBe(1);
  });

  it('refuses at once a queued hash whose client disconnects, and never runs it (FLT-14)', async () => {
    const workers = watchWorkers();
    const pool = startPool();
    const clients = repeat(3, () => new AbortController());
    const first = pool.runHash(slow);
    const works = clients.map(({ signal }) => pool.runHash(cheap, signal));
    clients[1]?.abort();
    expect(pool.hashPoolStats()).toMatchObject({ running: 1, waiting: 2, shed: { gone: 1 } });
    expect(await problemOf(works[1] ?? first)).toBeInstanceOf(Problem);
    expect(await problemOf(pool.runHash(cheap, AbortSignal.abort()))).toBeInstanceOf(Problem);
    await Promise.all([first, works[0], works[2]]);
    expect(workers.answers).toBe(3);
    expect(pool.hashPoolStats().shed).toEqual({ arrival: 0, deadline: 0, gone: 2 });
  });

  it('does not interrupt a running hash whose client disconnects', async () => {
    const pool = startPool();
    const client = new AbortController();
    const first = pool.runHash(cheap);
    const second = pool.runHash(slow, client.signal);
    await first;
    expect(pool.hashPoolStats()).toMatchObject({ running: 1, waiting: 0 });
    client.abort();
    expect(await second).toContain('$argon2id$');
    expect(pool.hashPoolStats().shed.gone).toBe(0);
  });

  it('reserves a place for a hash during the lookup before it, or refuses before the lookup', async () => {
    const pool = startPool({ queueMilliseconds: 2 * ASSUMED_MS });
    const lookup = Promise.withResolvers<string>();
    const lookups = repeat(3, () => pool.withReservedHash(() => lookup.promise));
    let isAsked = false;
    const refused = problemOf(pool.withReservedHash(async () => (isAsked = true)));
    expect([await refused, isAsked]).toEqual([expect.any(Problem), false]);
    lookup.resolve('found');
    expect(await Promise.all(lookups)).toEqual(['found', 'found', 'found']);
    expect(await pool.withReservedHash(async () => 'free again')).toBe('free again');
  });

  it('is never used by a hash that runs only on an idle thread', async () => {
    const pool = startPool();
    expect(await pool.runHashIfIdle(cheap)).toContain('$argon2id$');
    const first = pool.runHash(slow);
    expect(pool.runHashIfIdle(cheap)).toBeUndefined();
    await first;
  });

  it('reports how long its first hash has waited', async () => {
    const pool = startPool();
    expect(pool.hashPoolStats().longestWaitMs).toBe(0);
    const works = [pool.runHash(slow), pool.runHash(cheap)];
    await new Promise((resolve) => setImmediate(resolve, undefined));
    const { longestWaitMs } = pool.hashPoolStats();
    expect(longestWaitMs).toBeGreaterThan(0);
    expect(pool.hashPoolStats().longestWaitMs).toBeGreaterThan(longestWaitMs);
    await Promise.all(works);
    expect(pool.hashPoolStats().longestWaitMs).toBe(0);
  });
});
