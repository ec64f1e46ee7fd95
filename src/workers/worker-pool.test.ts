import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Config } from '../config/config.js';
import { Terminated } from '../config/termination-signals.js';
import type { WorkerLink } from './worker-link.js';
import { CHECK_INTERVAL_MS, MAX_UNANSWERED_CHECKS, WorkerPool } from './worker-pool.js';
import { WorkerRestarts } from './worker-restarts.js';

let folder = '';
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'gatehouse-pool-'))));
afterAll(() => rmSync(folder, { recursive: true }));
let forked = 0;

/** A program that serves, and ends so long after it is told to. */
const serve = (endMs: number): string => `
  process.on('message', (message) => {
    if (message.kind === 'ping') process.send({ kind: 'pong' });
    if (message.kind === 'terminate') setTimeout(() => process.exit(0), ${endMs});
  });
  process.send({ kind: 'ready' });
  process.send({ kind: 'serving' });`;
const SERVE = serve(0);

interface PoolChanges {
  readonly count?: number;
  readonly checkIntervalMs?: number;
  readonly shutdownTimeoutSeconds?: number;
  readonly firstPauseMs?: number;
}

/** Runs a pool of real processes of this program, in which `nth` counts from 1. */
function startPool(
  program: string,
  { count = 1, shutdownTimeoutSeconds = 20, firstPauseMs = 5, ...options }: PoolChanges = {},
) {
  const exec = join(folder, `worker-${forked}.mjs`);
  writeFileSync(exec, `import cluster from 'node:cluster';\nconst nth = cluster.worker.id - ${forked};\n${program}`);
  const requested = new AbortController();
  const workers: WorkerLink[] = [];
  const ends: string[] = [];
  const gone: WorkerLink[] = [];
  let serving = 0;
  const log: { event?: string; msg?: string }[] = [];
  const pool = new WorkerPool({
    program: { exec, args: [] },
    count,
    config: { shutdownTimeoutSeconds } as Config,
    termination: {
      requested: requested.signal,
      forced: new AbortController().signal,
      get reason() {
        return requested.signal.aborted ? (requested.signal.reason as Terminated) : undefined;
      },
    },
    overdue: new AbortController().signal,
    restarts: new WorkerRestarts(firstPauseMs),
    log: (members) => log.push(members),
    onFork: (worker) => {
      forked++;
      workers.push(worker);
      worker.onExit((cause) => ends.push(cause));
      worker.onGone(() => gone.push(worker));
      worker.onServing(() => void serving++);
    },
    ...options,
  });
  onTestFinished(() => pool.kill());
  const run = pool.run();
  run.catch(() => {});
  const terminate = (): void => requested.abort(new Terminated('SIGTERM'));
  const expectServing = (times: number) => expect.poll(() => serving, { interval: 5 }).toBe(times);
  return { run, workers, ends, gone, log, terminate, expectServing };
}

/** From now on no process can be started. */
function breakStarts(): () => void {
  const { execPath } = process;
  const mend = (): void => void (process.execPath = execPath);
  process.execPath = '/nonexistent/node';
  onTestFinished(mend);
  return mend;
}

describe('a worker that cannot be started', () => {
  it('is logged, and tried again', async () => {
    const { run, workers, ends, gone, log, terminate, expectServing } = startPool(SERVE, { firstPauseMs: 100 });
    await expectServing(1);
    const mend = breakStarts();
    workers[0]?.kill();
    await expect.poll(() => ends, { interval: 5 }).toHaveLength(2);
    mend();
    await expectServing(2);
    const notStarted = 'A worker could not be started: spawn /nonexistent/node ENOENT';
    expect(log.map(({ msg }) => msg)).toEqual(['A worker ended with SIGKILL', notStarted]);
    // What is kept for a worker, such as its permits, is given back.
    expect(gone).toEqual(workers.slice(0, 2));
    terminate();
    await run;
  });

  it('ends the node after five times', async () => {
    breakStarts();
    const { run, ends } = startPool(SERVE);
    await expect(run).rejects.toThrow(/^5 starts .*\. The last: A worker could not be started: .* ENOENT$/);
    expect(ends).toHaveLength(5);
  });

  it('does not keep the node from ending', async () => {
    breakStarts();
    const { run, ends, terminate } = startPool(SERVE, { firstPauseMs: 100 });
    await expect.poll(() => ends, { interval: 5 }).toHaveLength(1);
    terminate();
    await run;
  });
});

describe('workers that end soon after they began to serve', () => {
  it('are replaced ever later, and after five times the node ends', async () => {
    const { run, workers } = startPool(`${SERVE}\nsetTimeout(() => process.exit(3), 10);`);
    await expect(run).rejects.toThrow(
      '5 starts of workers failed within a minute. The last: A worker ended with exit code 3',
    );
    expect(workers).toHaveLength(5);
  });

  it('do not cut off the requests of the others', async () => {
    const { run, ends, log } = startPool(`if (nth > 1) process.exit(3);${serve(500)}`, { count: 2 });
    await expect(run).rejects.toThrow('5 starts');
    expect(ends).toEqual([
      ...Array.from({ length: 5 }, () => 'A worker ended with exit code 3'),
      'A worker ended with exit code 0',
    ]);
    expect(log.at(-1)?.event).toBe('workers_failed');
  });

  it('end the node in time when another does not end', async () => {
    const changes = { count: 2, shutdownTimeoutSeconds: 0.3 };
    const { run, ends } = startPool(`if (nth > 1) process.exit(3);${serve(60_000)}`, changes);
    await expect(run).rejects.toThrow('5 starts');
    await expect.poll(() => ends.at(-1)).toBe('A worker ended with SIGKILL');
  });
});

describe('a worker whose event loop does not run', () => {
  const checkIntervalMs = 100;

  it('because it is blocked or stopped is killed and replaced', async () => {
    const block = 'if (nth === 1) setTimeout(() => { for (;;); }, 500);';
    const { run, workers, ends, log, terminate, expectServing } = startPool(SERVE + block, {
      count: 2,
      checkIntervalMs,
    });
    await expectServing(2);
    process.kill(workers[1]?.pid ?? 0, 'SIGSTOP');
    await expectServing(4);
    expect(ends).toEqual(['A worker ended with SIGKILL', 'A worker ended with SIGKILL']);
    const silent = 'A worker did not answer for 1.2 s and was killed';
    expect(log.map(({ msg }) => msg)).toEqual([silent, silent]);
    terminate();
    await run;
  });

  it('while the primary does not run either is left alone', async () => {
    const { run, workers, ends, terminate, expectServing } = startPool(SERVE, { checkIntervalMs });
    await expectServing(1);
    process.kill(workers[0]?.pid ?? 0, 'SIGSTOP');
    for (const until = Date.now() + checkIntervalMs * MAX_UNANSWERED_CHECKS * 2; Date.now() < until;);
    await pause(checkIntervalMs);
    process.kill(workers[0]?.pid ?? 0, 'SIGCONT');
    await pause(checkIntervalMs * MAX_UNANSWERED_CHECKS);
    expect([workers.length, ends]).toEqual([1, []]);
    terminate();
    await run;
  });

  it('is given a minute', () => {
    expect(CHECK_INTERVAL_MS * MAX_UNANSWERED_CHECKS).toBe(60_000);
  });
});

describe('what a library sends over the channel of a worker', () => {
  it('is ignored', async () => {
    const foreign =
      "for (const message of [null, 'serving', 7, true, { cmd: 'x' }, { kind: 'x' }]) process.send(message);";
    const { run, ends, terminate, expectServing } = startPool(foreign + SERVE);
    await expectServing(1);
    terminate();
    await run;
    expect(ends).toEqual(['A worker ended with exit code 0']);
  });
});
