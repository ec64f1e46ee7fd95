import { expect } from 'vitest';

const TOLERANCE_MS = 60_000;

/** Expects an ISO 8601 time in UTC that is this many seconds from now. */
export function expectTimeNear(text: unknown, secondsFromNow = 0): void {
  expect(text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(Math.abs(Date.parse(String(text)) - Date.now() - secondsFromNow * 1000)).toBeLessThan(TOLERANCE_MS);
}
