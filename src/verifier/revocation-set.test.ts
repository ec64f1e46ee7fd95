import { describe, expect, it } from 'vitest';
import { RevocationSet } from './revocation-set.js';

describe('a revocation set', () => {
  it('matches a token by its session or its own id, each kind apart', () => {
    const set = new RevocationSet();
    set.add('sid', 'a', 10);
    set.add('jti', 'b', 10);
    expect([set.contains('a', 'x'), set.contains('x', 'b'), set.contains('b', 'a'), set.contains('x', 'x')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('removes an entry when it expires, not before, and counts the rest', () => {
    const set = new RevocationSet();
    set.add('sid', 'early', 10);
    set.add('jti', 'early', 10.2);
    set.add('sid', 'late', 20);
    set.removeExpired(9.9);
    expect(set.size).toBe(3);
    set.removeExpired(10);
    expect([set.contains('early', 'x'), set.contains('x', 'early')]).toEqual([false, true]);
    set.removeExpired(11);
    expect([set.size, set.contains('late', 'x')]).toEqual([1, true]);
  });

  it.each([
    [10, 12],
    [12, 10],
  ])('keeps one entry for an id that is added twice, until the later time: %s and %s', (first, second) => {
    const set = new RevocationSet();
    set.add('sid', 'a', first);
    set.add('sid', 'a', second);
    set.removeExpired(11);
    expect([set.size, set.contains('a', 'x')]).toEqual([1, true]);
  });

  it.each([[[3, 5]], [[5, 3]], [[5, 5]]])(
    'keeps the greatest version of a user, in whatever order they are heard: %j',
    (versions) => {
      const set = new RevocationSet();
      expect(set.isOutdated('a', 0)).toBe(false);
      for (const version of versions) set.addLeastVersion('a', version, 10);
      expect([0, 3, 4, 5, 6].map((version) => set.isOutdated('a', version))).toEqual([true, true, true, false, false]);
      expect([set.isOutdated('b', 0), set.contains('a', 'a')]).toEqual([false, false]);
    },
  );

  it('removes the version of a user when the last of its changes expires', () => {
    const set = new RevocationSet();
    set.addLeastVersion('a', 1, 10);
    set.addLeastVersion('b', 1, 15);
    set.addLeastVersion('a', 2, 20);
    set.removeExpired(15);
    expect([set.size, set.isOutdated('a', 1), set.isOutdated('b', 0)]).toEqual([1, true, false]);
    expect([[...set.leastVersions(19)], [...set.leastVersions(20)]]).toEqual([[['a', 2]], []]);
    set.removeExpired(20);
    expect([set.size, set.isOutdated('a', 1)]).toEqual([0, false]);
  });

  it('holds 100,000 sessions in less than 50 MB', () => {
    const set = new RevocationSet();
    const ids = (from: number): string[] => Array.from({ length: 100_000 }, (_, n) => uuid(from + n));
    const before = heapUsed();
    for (const id of ids(0)) set.add('sid', id, 3600);
    expect(heapUsed() - before).toBeLessThan(50e6);
    expect([set.size, set.contains(uuid(99_999), 'x'), set.contains(uuid(100_000), 'x')]).toEqual([
      100_000,
      true,
      false,
    ]);
  });
});

function uuid(n: number): string {
  return `01920000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

function heapUsed(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
