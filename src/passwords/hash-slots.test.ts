import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { HashSlots } from './hash-slots.js';

describe('hash slots', () => {
  it('are as many as cores unless said otherwise', () => {
    expect(new HashSlots().stats()).toEqual({ running: 0, waiting: 0, limit: availableParallelism() });
  });

  it('serve in order of arrival, no more at once than the limit', async () => {
    const slots = new HashSlots(2);
    const started: number[] = [];
    const gates = Array.from({ length: 6 }, () => Promise.withResolvers<void>());
    const works = gates.map((gate, turn) =>
      slots.run(() => {
        started.push(turn);
        return gate.promise;
      }),
    );
    expect(started).toEqual([0, 1]);
    expect(slots.stats()).toEqual({ running: 2, waiting: 4, limit: 2 });

    gates[1]?.resolve();
    await works[1];
    expect(started).toEqual([0, 1, 2]);
    expect(slots.stats()).toEqual({ running: 2, waiting: 3, limit: 2 });

    for (const gate of gates) gate.resolve();
    await Promise.all(works);
    expect(started).toEqual([0, 1, 2, 3, 4, 5]);
    expect(slots.stats()).toEqual({ running: 0, waiting: 0, limit: 2 });
  });

  it('come back when work fails', async () => {
    const slots = new HashSlots(1);
    const failed = slots.run(() => Promise.reject(new Error('no memory')));
    const next = slots.run(() => Promise.resolve('next'));
    await expect(failed).rejects.toThrow('no memory');
    expect(await next).toBe('next');
    expect(slots.stats().running).toBe(0);
  });

  it('are not taken by a late comer while another waits', async () => {
    const slots = new HashSlots(1);
    const order: string[] = [];
    const first = slots.run(() => Promise.resolve());
    const waiting = slots.run(async () => order.push('waiting'));
    await first;
    const late = slots.run(async () => order.push('late'));
    await Promise.all([waiting, late]);
    expect(order).toEqual(['waiting', 'late']);
  });
});
