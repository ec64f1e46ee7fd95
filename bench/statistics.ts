/** The value below which this part of the sorted numbers lies; 0.5 is the median. @throws RangeError of no numbers */
export function quantile(numbers: readonly number[], part: number): number {
  if (numbers.length === 0) throw new RangeError('no numbers have no quantile');
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
 * The percentile bootstrap: the medians of as many numbers drawn with replacement, 10,000 times over. The draws are the same
 * in each call, so that one file of results always makes one page.
 */
export function estimate(numbers: readonly number[]): Estimate {
  const random = randomNumbers();
  const medians = Array.from({ length: RESAMPLES }, () => quantile(resample(numbers, random), 0.5));
  return { median: quantile(numbers, 0.5), ...interval(medians) };
}

/** How many times the median of the first the median of the second is; each is drawn anew on its own. */
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

/** From 0 to 1: the 32-bit xorshift of Marsaglia (2003), always from the same seed. */
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
