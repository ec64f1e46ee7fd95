/** The value below which this part of the sorted numbers lies; 0.5 is the median. @throws RangeError without numbers */
export function quantile(numbers: readonly number[], part: number): number {
  if (numbers.length === 0) throw new RangeError('There is no quantile of no numbers');
  const sorted = numbers.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * part;
  const [low = 0, high = low] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return low + (high - low) * (place % 1);
}

/** `median (least to most)`. */
export function range(numbers: readonly number[], digits = 1): string {
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  return `${quantile(numbers, 0.5).toFixed(digits)} (${least.toFixed(digits)} to ${most.toFixed(digits)})`;
}

/** A median and its 95 % bootstrap interval. */
export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 10_000;

/**
 * The percentile bootstrap: the medians of 10,000 resamples with replacement. The random numbers are the same in each
 * call, so that the same results always give the same report.
 */
export function estimate(numbers: readonly number[]): Estimate {
  const random = randomNumbers();
  const medians = Array.from({ length: RESAMPLES }, () => quantile(resample(numbers, random), 0.5));
  return { median: quantile(numbers, 0.5), ...interval(medians) };
}

/** The ratio of the medians, after / before; both are resampled independently. */
export function estimateChange(before: readonly number[], after: readonly number[]): Estimate {
  const random = randomNumbers();
  const changes = Array.from(
    { length: RESAMPLES },
    () => quantile(resample(after, random), 0.5) / quantile(resample(before, random), 0.5),
  );
  return { median: quantile(after, 0.5) / quantile(before, 0.5), ...interval(changes) };
}

function resample(numbers: readonly number[], random: () => number): number[] {
  return numbers.map(() => numbers[Math.floor(random() * numbers.length)] ?? 0);
}

/** Random numbers from 0 to 1: Marsaglia's 32-bit xorshift (2003), always with the same seed. */
function randomNumbers(): () => number {
  let state = 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function interval(numbers: readonly number[]): { low: number; high: number } {
  return { low: quantile(numbers, 0.025), high: quantile(numbers, 0.975) };
}

/** In random order (Fisher and Yates). */
export function shuffled<T>(values: Iterable<T>): T[] {
  const order = [...values];
  for (let last = order.length - 1; last > 0; last--) {
    const chosen = Math.floor(Math.random() * (last + 1));
    [order[last], order[chosen]] = [order[chosen] as T, order[last] as T];
  }
  return order;
}
