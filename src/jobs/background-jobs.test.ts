import { expect, it } from 'vitest';
import { nextDelayMs } from './background-jobs.js';

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
