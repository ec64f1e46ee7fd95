import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Problem } from '../problems/problem.js';
import { HashPool, type HashPoolOptions, type ShedReason } from './hash-pool.js';
import type { HashTask } from './hash-worker-handle.js';

/** A pool whose hashes were never timed takes each to cost 50 ms. */
const GUESS_MS = 50;
const CHEAP = { memoryKib: 8, passes: 1, lanes: 1 };
const cheap: HashTask = { kind: 'hash', password: 'correct horse battery', cost: CHEAP };
/** Some hundreds of milliseconds: whatever is done meanwhile in this thread, it still runs. */
const slow: HashTask = { ...cheap, cost: { memoryKib: 32_768, passes: 16, lanes: 1 } };
const verySlow: HashTask = { ...slow, cost: { ...slow.cost, passes: 64 } };

function startPool(options: Partial<HashPoolOptions> = {}): HashPool {
  const pool = new HashPool({ limit: 1, queueMilliseconds: 60_000, ...options });
  onTestFinished(() => pool.close());
  return pool;
}

/** The worker threads that this process starts from now on (Node tells of each in the next tick), and how often they answer. */
function watchWorkers(): { readonly threads: Worker[]; answers: number } {
  const seen = { threads: [] as Worker[], answers: 0 };
  const note = (worker: Worker): void => {
    seen.threads.push(worker);
    worker.on('message', () => seen.answers++);
  };
  process.on('worker', note);
  onTestFinished(() => void process.off('worker', note));
  return seen;
}

/** How many threads of this process have a niceness of 19: proc(5), the 34th field from the end of 52. */
function nicestThreads(): number {
  const states = readdirSync('/proc/self/task').map((id) => readFileSync(`/proc/self/task/${id}/stat`, 'utf8'));
  return states.filter((state) => state.split(' ').at(-34) === '19').length;
}

/** Why it was refused, or undefined. */
async function refusal(work: Promise<unknown>): Promise<Problem | undefined> {
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
  it('serves in order of arrival', async () => {
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

  it('never runs more at once than its limit, on as many threads, and loses none (FLT-14)', async () => {
    const workers = watchWorkers();
    const pool = startPool({ limit: 2 });
    const seen: number[] = [];
    const hashes = Promise.all(
      repeat(40, async () => {
        const hash = await pool.runHash(cheap);
        seen.push(pool.stats().running);
        return hash;
      }),
    );
    expect(pool.stats()).toMatchObject({ running: 2, waiting: 38, limit: 2 });
    expect(new Set(await hashes).size).toBe(40);
    expect(Math.max(...seen)).toBeLessThanOrEqual(2);
    expect(workers.threads).toHaveLength(2);
    expect(pool.stats()).toMatchObject({ running: 0, waiting: 0 });
  });

  it('starts a thread when it is needed, and not for one who comes after the other', async () => {
    const workers = watchWorkers();
    const pool = startPool({ limit: 2 });
    expect(workers.threads).toHaveLength(0);
    await pool.runHash(cheap);
    await pool.runHash(cheap);
    expect(workers.threads).toHaveLength(1);
  });

  it('verifies with either package what the other has hashed', async () => {
    const pools = [startPool(), startPool({ packages: ['argon2'] })] as const;
    const { password } = cheap;
    for (const [one, other] of [pools, pools.toReversed()]) {
      const passwordHash = String(await one?.runHash(cheap));
      expect(await other?.runHash({ kind: 'verify', password, passwordHash })).toBe(true);
      expect(await other?.runHash({ kind: 'verify', password: `${password}.`, passwordHash })).toBe(false);
    }
  });

  it('passes on what argon2 throws, and goes on', async () => {
    const workers = watchWorkers();
    const pool = startPool();
    await expect(
      pool.runHash({ kind: 'verify', password: 'any', passwordHash: '$argon2id$damaged' }),
    ).rejects.toThrow();
    expect(await pool.runHash(cheap)).toContain('$argon2id$');
    expect(workers.threads).toHaveLength(1);
  });

  it.runIf(process.platform === 'linux')('gives its threads the lowest priority, and no other', async () => {
    const before = nicestThreads();
    await Promise.all(repeat(2, () => startPool().runHash(slow)));
    expect(nicestThreads()).toBe(before + 2);
    expect(getPriority()).toBe(0);
  });

  it('ends each thread after its hash when it is closed, and refuses what waits and what comes', async () => {
    const workers = watchWorkers();
    const pool = startPool();
    const works = [pool.runHash(slow), refusal(pool.runHash(cheap))];
    await expect.poll(() => workers.threads).toHaveLength(1);
    const closed = pool.close();
    expect(pool.stats()).toMatchObject({ running: 1, waiting: 0 });
    await closed;
    expect(workers.threads.map(({ threadId }) => threadId)).toEqual([-1]);
    expect(await Promise.all(works)).toEqual([expect.stringContaining('$argon2id$'), expect.any(Problem)]);
    expect(await refusal(pool.runHash(cheap))).toBeInstanceOf(Problem);
  });
});

describe('a hashing thread that dies', () => {
  it('fails its hash and is replaced for those that wait', async () => {
    const workers = watchWorkers();
    const pool = startPool();
    const lost = pool.runHash(slow);
    const waiting = repeat(3, () => pool.runHash(cheap));
    const failed = expect(lost).rejects.toThrow('The thread of a password hash has ended');
    await expect.poll(() => workers.threads[0]?.terminate()).toBeDefined();
    await failed;
    expect(await Promise.all(waiting)).toHaveLength(3);
    expect(workers.threads).toHaveLength(2);
    expect(pool.stats()).toMatchObject({ running: 0, waiting: 0 });
  });

  it('while it has nothing to do is replaced when there is something', async () => {
    const workers = watchWorkers();
    const pool = startPool();
    await pool.runHash(cheap);
    await workers.threads[0]?.terminate();
    expect(await pool.runHash(cheap)).toContain('$argon2id$');
    expect(workers.threads).toHaveLength(2);
  });

  it('because no package loads fails each hash with that cause', async () => {
    const pool = startPool({ packages: [] });
    for (const work of [pool.runHash(cheap), pool.runHash(cheap)]) {
      await expect(work).rejects.toMatchObject({ cause: { message: expect.stringContaining('No implementation') } });
    }
  });
});

describe('the queue for a hash', () => {
  it('refuses on arrival what could not start within its time, with Retry-After by its length (FLT-14, FLT-15)', async () => {
    const reasons: ShedReason[] = [];
    const pool = startPool({ queueMilliseconds: 40 * GUESS_MS, onShed: (reason) => reasons.push(reason) });
    const admitted = repeat(41, (turn) => pool.runHash(turn === 0 ? slow : cheap));
    const refused = repeat(3, () => refusal(pool.runHash(cheap)));
    expect(pool.stats()).toMatchObject({ running: 1, waiting: 40, shed: { arrival: 3, deadline: 0, gone: 0 } });
    for (const problem of await Promise.all(refused)) {
      expect(problem).toMatchObject({ kind: { code: 'service_unavailable' }, isAlreadyLogged: true });
      expect(problem?.headers['retry-after']).toBe('3');
    }
    expect(pool.stats().running).toBe(1);
    expect(await Promise.all(admitted)).toHaveLength(41);
    expect(reasons).toEqual(['arrival', 'arrival', 'arrival']);
  });

  it('learns from the hashes how long a wait is', async () => {
    const pool = startPool({ queueMilliseconds: 10 * GUESS_MS });
    await pool.runHash(verySlow);
    await pool.runHash(verySlow);
    const works = repeat(11, () => refusal(pool.runHash(cheap)));
    expect(pool.stats().shed.arrival).toBeGreaterThan(0);
    await Promise.all(works);
  });

  it('holds no more than one for each of its milliseconds, however little a hash costs (FLT-14)', async () => {
    const pool = startPool({ queueMilliseconds: 2000 });
    for (let turn = 0; turn < 100; turn++) await pool.runHash(cheap);
    const works = [pool.runHash(slow), ...repeat(5000, () => pool.runHash(cheap))].map((work) => refusal(work));
    expect(pool.stats().waiting).toBeGreaterThan(40);
    expect(pool.stats().waiting).toBeLessThanOrEqual(2000);
    await Promise.all(works);
  });

  it('of no time at all takes what finds a free thread', async () => {
    const pool = startPool({ queueMilliseconds: 0 });
    const first = pool.runHash(slow);
    expect(await refusal(pool.runHash(cheap))).toBeInstanceOf(Problem);
    await first;
    expect(await pool.runHash(cheap)).toContain('$argon2id$');
  });

  it('drops what has waited too long while the thread is still busy (FLT-14)', async () => {
    const workers = watchWorkers();
    const pool = startPool({ queueMilliseconds: GUESS_MS });
    const long = pool.runHash(verySlow);
    expect(await refusal(pool.runHash(cheap))).toBeInstanceOf(Problem);
    expect(pool.stats()).toMatchObject({ running: 1, waiting: 0, shed: { arrival: 0, deadline: 1 } });
    await long;
    expect(workers.answers).toBe(1);
  });

  it('drops what has waited too long when its turn comes and its timer is late', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const pool = startPool({ queueMilliseconds: GUESS_MS });
    const works = [pool.runHash(verySlow), refusal(pool.runHash(cheap))];
    expect(pool.stats().waiting).toBe(1);
    expect(await Promise.all(works)).toEqual([expect.stringContaining('$argon2id$'), expect.any(Problem)]);
    expect(pool.stats().shed.deadline).toBe(1);
  });

  it('drops at once whose client has gone, and never does the work (FLT-14)', async () => {
    const workers = watchWorkers();
    const pool = startPool();
    const clients = repeat(3, () => new AbortController());
    const first = pool.runHash(slow);
    const works = clients.map(({ signal }) => pool.runHash(cheap, signal));
    clients[1]?.abort();
    expect(pool.stats()).toMatchObject({ running: 1, waiting: 2, shed: { gone: 1 } });
    expect(await refusal(works[1] ?? first)).toBeInstanceOf(Problem);
    expect(await refusal(pool.runHash(cheap, AbortSignal.abort()))).toBeInstanceOf(Problem);
    await Promise.all([first, works[0], works[2]]);
    expect(workers.answers).toBe(3);
    expect(pool.stats().shed).toEqual({ arrival: 0, deadline: 0, gone: 2 });
  });

  it('leaves a hash alone whose client goes once it runs', async () => {
    const pool = startPool();
    const client = new AbortController();
    const first = pool.runHash(cheap);
    const second = pool.runHash(slow, client.signal);
    await first;
    expect(pool.stats()).toMatchObject({ running: 1, waiting: 0 });
    client.abort();
    expect(await second).toContain('$argon2id$');
    expect(pool.stats().shed.gone).toBe(0);
  });

  it('keeps a place for one who first has to look something up, and refuses before that', async () => {
    const pool = startPool({ queueMilliseconds: 2 * GUESS_MS });
    const lookup = Promise.withResolvers<string>();
    const lookups = repeat(3, () => pool.withReservedHash(() => lookup.promise));
    let isAsked = false;
    const refused = refusal(pool.withReservedHash(async () => (isAsked = true)));
    expect([await refused, isAsked]).toEqual([expect.any(Problem), false]);
    lookup.resolve('found');
    expect(await Promise.all(lookups)).toEqual(['found', 'found', 'found']);
    expect(await pool.withReservedHash(async () => 'free again')).toBe('free again');
  });

  it('is passed by what runs now or not at all', async () => {
    const pool = startPool();
    expect(await pool.runHashIfIdle(cheap)).toContain('$argon2id$');
    const first = pool.runHash(slow);
    expect(pool.runHashIfIdle(cheap)).toBeUndefined();
    await first;
  });

  it('tells how long the first in it has waited', async () => {
    const pool = startPool();
    expect(pool.stats().longestWaitMs).toBe(0);
    const works = [pool.runHash(slow), pool.runHash(cheap)];
    await new Promise((resolve) => setImmediate(resolve, undefined));
    const { longestWaitMs } = pool.stats();
    expect(longestWaitMs).toBeGreaterThan(0);
    expect(pool.stats().longestWaitMs).toBeGreaterThan(longestWaitMs);
    await Promise.all(works);
    expect(pool.stats().longestWaitMs).toBe(0);
  });
});
