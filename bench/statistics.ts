/** The value below which this part of the sorted numbers lies; 0.5 is the median. */
export function quantile(numbers: readonly number[], part: number): number {
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

/** The percentile bootstrap: the medians of as many numbers drawn with replacement, 10,000 times over. */
export function estimate(numbers: readonly number[]): Estimate {
  const medians = Array.from({ length: RESAMPLES }, () => quantile(resample(numbers), 0.5));
  return { median: quantile(numbers, 0.5), ...interval(medians) };
}

/** How many times the median of the first the median of the second is; each is drawn anew on its own. */
export function estimateChange(before: readonly number[], after: readonly number[]): Estimate {
  const changes = Array.from(
    { length: RESAMPLES },
    () => quantile(resample(after), 0.5) / quantile(resample(before), 0.5),
  );
  return { median: quantile(after, 0.5) / quantile(before, 0.5), ...interval(changes) };
}

function resample(numbers: readonly number[]): number[] {
  return numbers.map(() => numbers[Math.floor(Math.random() * numbers.length)] ?? 0);
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
