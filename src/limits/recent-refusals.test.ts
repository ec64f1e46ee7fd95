import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RecentRefusals } from './recent-refusals.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

it('a refusal is remembered for five seconds at most, and says truly how long it lasts', () => {
  const refusals = new RecentRefusals<string>();
  refusals.remember('a', 'address', 60);
  refusals.remember('b', 'address', 2);
  vi.advanceTimersByTime(1500);
  expect([refusals.find('a'), refusals.find('b')]).toEqual([
    { limit: 'address', seconds: 58.5 },
    { limit: 'address', seconds: 0.5 },
  ]);
  vi.advanceTimersByTime(500);
  expect(refusals.find('b')).toBeUndefined();
  vi.advanceTimersByTime(2999);
  expect(refusals.find('a')).toBeDefined();
  vi.advanceTimersByTime(1);
  expect(refusals.find('a')).toBeUndefined();
});

it('ten thousand refusals are remembered, and beyond them the oldest is forgotten', () => {
  const refusals = new RecentRefusals<string>();
  for (let key = 0; key <= 10_000; key++) refusals.remember(String(key), 'address', 60);
  expect([refusals.find('0'), refusals.find('1')?.limit, refusals.find('10000')?.limit]).toEqual([
    undefined,
    'address',
    'address',
  ]);
});
