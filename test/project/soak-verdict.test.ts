import { describe, expect, it } from 'vitest';
import { growthOf, quartersOf } from '../../bench/soak/flatness.ts';

const SAMPLES = 120;
/** Of the noise, either way. */
const NOISE = 0.1;

/** A course of a quantity around 100: what it grows by in the whole run, in noise that is always the same. */
function course(growth: number, warmUp = 0): number[] {
  let state = 7;
  const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  return Array.from({ length: SAMPLES }, (_, index) => {
    const [part, start] = [index / SAMPLES, warmUp * Math.max(0, 1 - (4 * index) / SAMPLES)];
    return (100 + growth * part - start) * (1 + NOISE * (2 * random() - 1));
  });
}

describe('the verdict of the soak', () => {
  it('finds no growth in noise, and says how sure that is', () => {
    const { median, low, high } = growthOf(course(0));
    expect(median).toBeGreaterThan(0.95);
    expect(median).toBeLessThan(1.05);
    expect(low).toBeLessThan(1);
    expect(high).toBeGreaterThan(1);
  });

  it('finds a slow growth of a third in the run, under the same noise, with an interval above 1', () => {
    const { median, low } = growthOf(course(33));
    expect(median).toBeGreaterThan(1.1);
    expect(low).toBeGreaterThan(1.05);
  });

  it('takes no warm-up in the first quarter for growth', () => {
    expect(growthOf(course(0, 80)).median).toBeLessThan(1.05);
  });

  it('does not count the growth of what is small beside the floor', () => {
    const descriptors = Array.from({ length: SAMPLES }, (_, index) => (index < SAMPLES / 2 ? 1 : 3));
    expect(growthOf(descriptors).median).toBe(3);
    expect(growthOf(descriptors, 1000).median).toBeCloseTo(1.002);
  });

  it.each([8, 9, 10, 11, 240])('compares the second quarter of %i samples with the last', (count) => {
    const { second, last } = quartersOf(Array.from({ length: count }, (_, index) => index));
    for (const quarter of [second, last]) expect(Math.abs(quarter.length - count / 4)).toBeLessThan(1);
    expect(second[0]).toBeGreaterThanOrEqual(count / 4);
    expect(second.at(-1)).toBeLessThan(count / 2);
    expect(last[0]).toBeGreaterThanOrEqual((3 * count) / 4);
    expect(last.at(-1)).toBe(count - 1);
  });
});
