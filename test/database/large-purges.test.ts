import { expect, it } from 'vitest';
import { BATCH, explainPurge, createFilledDatabase, PURGES, totalOf } from '../support/purge-plans.js';

const FEW = 10_000;
const MANY = 1_000_000;
/** Only one table has this size, since each takes minutes. */
const LARGEST = 10_000_000;
const LARGEST_JOB = 'purge account guards';
/** An index of 16-byte keys has two levels at 10⁴ rows, three at 10⁶, four at most at 10⁷. */
const MORE_LEVELS = 2;
/**
 * A batch descends the index twice and reads its leaf pages of 200 entries or more: one more level is one
 * more page for each descent. At 10⁴ rows index neighbours sometimes share a table page, which is then read
 * once (one of a hundred pages).
 */
const MARGIN = (2 * MORE_LEVELS) / BATCH + 3 / 100;

it.each(
  PURGES.flatMap((purged) =>
    (purged.job === LARGEST_JOB ? [MANY, LARGEST] : [MANY]).map((count) => ({ purged, count })),
  ),
)(
  '$purged.job reads as many buffers per row at $count rows as at ten thousand, without a sequential scan (BRU-07)',
  { timeout: 900_000 },
  async ({ purged, count }) => {
    const perRow: number[] = [];
    for (const expired of [FEW, count]) {
      const databaseUrl = await createFilledDatabase(purged, { expired, live: 0 });
      const startedAt = performance.now();
      const batches = await explainPurge(databaseUrl, purged.job);
      const seconds = (performance.now() - startedAt) / 1000;
      const buffers = totalOf(batches, 'buffers') / expired;
      const longest = Math.max(...batches.map(({ milliseconds }) => milliseconds));
      console.log(
        `${purged.job}: ${expired} rows in ${seconds.toFixed(1)} s, ${buffers.toFixed(4)} buffers a row, longest batch ${longest.toFixed(0)} ms`,
      );
      expect(totalOf(batches, 'deleted')).toBe(expired);
      expect(batches).toHaveLength(expired / BATCH + 1);
      expect(new Set(batches.flatMap(({ nodes }) => nodes))).not.toContain('Seq Scan');
      perRow.push(buffers);
    }
    const [few = 0, many = 0] = perRow;
    expect(Math.abs(many - few)).toBeLessThan(MARGIN);
  },
);
