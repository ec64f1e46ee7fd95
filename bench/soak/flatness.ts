import { estimateChange, type Estimate } from '../statistics.ts';

/** Fewer samples make no quarters to compare. */
export const MIN_SAMPLES = 8;

/** The samples of the second quarter of a run and of its last. The first quarter is the warm-up. */
export function quartersOf<Sample>(samples: readonly Sample[]): { second: Sample[]; last: Sample[] } {
  const quarter = samples.length / 4;
  return {
    second: samples.slice(Math.ceil(quarter), Math.ceil(2 * quarter)),
    last: samples.slice(Math.ceil(3 * quarter)),
  };
}

/**
 * The median of the last quarter over that of the second, with its interval; 1 when nothing has changed. Half a run lies
 * between the middles of the two, so that a steady growth shows half of what it adds in the whole run.
 * @param floor added to all values: a change of what is small beside it is no growth
 */
export function growthOf(values: readonly number[], floor = 0): Estimate {
  const { second, last } = quartersOf(values.map((value) => value + floor));
  return estimateChange(second, last);
}
