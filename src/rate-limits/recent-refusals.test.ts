import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RecentRefusals } from './recent-refusals.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

const refusalFor = (seconds: number) => ({ limit: 'address', seconds, retrySeconds: seconds + 10 });

it('a refusal is remembered for five seconds at most, and says truly how long it lasts', () => {
  const refusals = new RecentRefusals();
  refusals.remember('a', refusalFor(60));
  refusals.remember('b', refusalFor(2));
  vi.advanceTimersByTime(1500);
  expect([refusals.find('a'), refusals.find('b')]).toEqual([
    { limit: 'address', seconds: 58.5, retrySeconds: 68.5 },
    { limit: 'address', seconds: 0.5, retrySeconds: 10.5 },
  ]);
  vi.advanceTimersByTime(500);
  expect(refusals.find('b')).toBeUndefined();
  vi.advanceTimersByTime(2999);
  expect(refusals.find('a')).toBeDefined();
  vi.advanceTimersByTime(1);
  expect(refusals.find('a')).toBeUndefined();
});

it('a refusal that is over before is forgotten', () => {
  const refusals = new RecentRefusals();
  refusals.remember('a', refusalFor(60));
  refusals.forget('a');
  expect(refusals.find('a')).toBeUndefined();
});

it('ten thousand refusals are remembered, and beyond them the oldest is forgotten', () => {
  const refusals = new RecentRefusals();
  for (let key = 0; key <= 10_000; key++) refusals.remember(String(key), refusalFor(60));
  expect(['0', '1', '10000'].map((key) => refusals.find(key)?.seconds)).toEqual([undefined, 60, 60]);
});
