import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RecentRefusals } from './recent-refusals.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

const refusalFor = (seconds: number) => ({ limit: 'address', seconds, retrySeconds: seconds + 10 });

it('a refusal is remembered for at most five seconds, with the seconds that are left of it', () => {
  const refusals = new RecentRefusals();
  refusals.rememberRefusal('a', refusalFor(60));
  refusals.rememberRefusal('b', refusalFor(2));
  vi.advanceTimersByTime(1500);
  expect([refusals.findRefusal('a'), refusals.findRefusal('b')]).toEqual([
    { limit: 'address', seconds: 58.5, retrySeconds: 68.5 },
    { limit: 'address', seconds: 0.5, retrySeconds: 10.5 },
  ]);
  vi.advanceTimersByTime(500);
  expect(refusals.findRefusal('b')).toBeUndefined();
  vi.advanceTimersByTime(2999);
  expect(refusals.findRefusal('a')).toBeDefined();
  vi.advanceTimersByTime(1);
  expect(refusals.findRefusal('a')).toBeUndefined();
});

it('a refusal can be forgotten earlier', () => {
  const refusals = new RecentRefusals();
  refusals.rememberRefusal('a', refusalFor(60));
  refusals.forgetRefusal('a');
  expect(refusals.findRefusal('a')).toBeUndefined();
});

it('ten thousand refusals are remembered; one more displaces the oldest', () => {
  const refusals = new RecentRefusals();
  for (let key = 0; key <= 10_000; key++) refusals.rememberRefusal(String(key), refusalFor(60));
  expect(['0', '1', '10000'].map((key) => refusals.findRefusal(key)?.seconds)).toEqual([undefined, 60, 60]);
});
