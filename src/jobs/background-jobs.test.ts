import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Config } from '../config/config.js';
import { ShutdownAnnouncement } from '../config/shutdown-announcement.js';
import { BackgroundJobs, nextDelayMs } from './background-jobs.js';
import { lockIdOf } from './job-locks.js';

it.each([
  [1000, [1000, 2000, 4000, 8000, 10_000, 10_000]],
  [30_000, [30_000, 30_000, 30_000]],
])(
  'the delay of a job with an interval of %s ms doubles with each failure in a row, up to ten seconds (KEY-04)',
  (intervalMs, expected) => {
    for (const [failures, expectedMs] of expected.entries()) {
      const waits = Array.from({ length: 1000 }, () => nextDelayMs(intervalMs, failures) / expectedMs);
      expect(Math.min(...waits)).toBeGreaterThanOrEqual(0.8);
      expect(Math.max(...waits)).toBeLessThanOrEqual(1.2);
      // Jitter: nodes that fail together do not retry together.
      expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(0.2);
    }
    expect(nextDelayMs(intervalMs, 5000)).toBeLessThanOrEqual(1.2 * Math.max(...expected));
  },
);

const work = async (): Promise<void> => undefined;
/** No job here asks the database. */
function jobsOf(shutdownTimeoutSeconds = 4) {
  const shutdown = new ShutdownAnnouncement();
  const config = { shutdownTimeoutSeconds, databaseDirectUrl: 'postgresql://nobody@127.0.0.1:1/none' } as Config;
  return { shutdown, jobs: new BackgroundJobs(config, shutdown) };
}

describe('a job of the application', () => {
  it.each(['', 'Close notes', '1 note', ' notes', 'notes\n', 'a"b', 'ä', 'a'.repeat(65)])(
    'cannot be called %j',
    (name) => {
      expect(() => jobsOf().jobs.every(60, name, work)).toThrow(`"${name}" is no name for a job`);
    },
  );

  it.each([0, 0.5, -1, Number.NaN, Number.POSITIVE_INFINITY, 1_000_001])('cannot run every %d seconds', (seconds) => {
    expect(() => jobsOf().jobs.every(seconds, 'notes', work)).toThrow('needs an interval from 1 to 1000000 seconds');
  });

  it('has a name of its own, and is added before the start', async () => {
    const { jobs } = jobsOf();
    jobs.addRecurringJob(60, 'rotate keys', work);
    jobs.every(60, 'constructor', work);
    for (const name of ['rotate keys', 'constructor']) {
      expect(() => jobs.every(5, name, work)).toThrow(`There are two jobs called "${name}"`);
    }
    await jobs.startJobs();
    expect(() => jobs.every(5, 'late', work)).toThrow('The job "late" was added after the start');
    await jobs.onModuleDestroy();
  });

  it('never overlaps itself, and counts what it throws, also what is no error', async () => {
    const { jobs } = jobsOf();
    let running = 0;
    let most = 0;
    let runs = 0;
    jobs.every(1, 'notes', async () => {
      most = Math.max(most, ++running);
      await pause(20);
      running--;
      if (++runs === 1) throw new Error('broken');
      // An application may.
      throw undefined;
    });
    jobs.every(1, 'throws what is no text', async () => {
      throw Object.create(null);
    });
    jobs.every(1, 'throws at once', () => {
      throw new Error('broken');
    });
    await Promise.all([jobs.runJob('notes'), jobs.runJob('notes'), jobs.runJob('throws at once')]);
    await jobs.runJob('throws what is no text');
    await jobs.runJob('notes');
    expect({ most, runs }).toEqual({ most: 1, runs: 2 });
    expect(jobs.failureCounts()).toEqual({ notes: 2, 'throws at once': 1, 'throws what is no text': 1 });
  });

  it('learns of the shutdown at its beginning, begins no more, and is waited for', async () => {
    const { jobs, shutdown } = jobsOf();
    let ended: AbortSignal | undefined;
    let isFinished = false;
    jobs.every(1, 'notes', async (signal) => {
      ended = signal;
      await pause(200);
      isFinished = true;
    });
    void jobs.runJob('notes');
    expect(ended?.aborted).toBe(false);
    shutdown.announce();
    expect(ended?.aborted).toBe(true);
    await jobs.onModuleDestroy();
    expect(isFinished).toBe(true);
  });

  it('is not waited for in the last three seconds of SHUTDOWN_TIMEOUT_SECONDS', async () => {
    const { jobs, shutdown } = jobsOf(4);
    jobs.every(1, 'hangs', () => new Promise(() => undefined));
    void jobs.runJob('hangs');
    shutdown.announce();
    await pause(300);
    const startedAt = performance.now();
    await jobs.onModuleDestroy();
    expect(performance.now() - startedAt).toBeGreaterThan(600);
    expect(performance.now() - shutdown.announcedAt).toBeLessThan(3000);
  });

  it('has a lock of 63 bits by its name and the schema of its service, which no lock of ours can be', () => {
    expect(lockIdOf('public', 'notes')).toBe(lockIdOf('public', 'notes'));
    const ids = Array.from({ length: 1000 }, (_, index) => lockIdOf(`schema${index % 2}`, `job ${index >> 1}`));
    expect(new Set(ids).size).toBe(1000);
    for (const id of ids) {
      expect(id).toBeGreaterThanOrEqual(2n ** 62n);
      expect(id).toBeLessThan(2n ** 63n);
    }
  });
});
