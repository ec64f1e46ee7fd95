import { describe, expect, it } from 'vitest';
import { MAX_FAILED_STARTS, SETTLED_MS, WorkerRestarts } from './worker-restarts.js';

describe('the replacement of a worker', () => {
  it('that had served for a while follows after a tenth of a second, however often', () => {
    const restarts = new WorkerRestarts();
    const pauses = Array.from({ length: 20 }, (_, at) => restarts.pauseAfterEnd(at, SETTLED_MS));
    expect(new Set(pauses)).toEqual(new Set([100]));
  });

  it.each([undefined, 0, SETTLED_MS - 1])(
    'that had served %s ms follows later each time, and not after the fifth',
    (ms) => {
      const restarts = new WorkerRestarts();
      const pauses = Array.from({ length: MAX_FAILED_STARTS }, (_, at) => restarts.pauseAfterEnd(at * 1000, ms));
      expect(pauses).toEqual([200, 400, 800, 1600, undefined]);
    },
  );

  it('forgets failed starts after a minute', () => {
    const restarts = new WorkerRestarts();
    const pauses = Array.from({ length: 20 }, (_, at) => restarts.pauseAfterEnd(at * 15_000, undefined));
    expect(pauses.slice(-2)).toEqual([1600, 1600]);
  });
});
