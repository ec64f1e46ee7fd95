import fc from 'fast-check';
import { expect, it } from 'vitest';
import { utcTimeText } from './utc-time-text.js';

const AROUND = Date.UTC(2026, 10, 29);

it('is the text of toISOString, also while the clock is set back and forth', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -3000, max: 3000 })), fc.nat(4e12), (offsets, anywhen) => {
      for (const time of [...offsets.map((offset) => AROUND + offset), anywhen]) {
        expect(utcTimeText(time)).toBe(new Date(time).toISOString());
      }
    }),
  );
});
