import { expect, it } from 'vitest';
import { LatestMessage } from './latest-message.js';

it('one message is written at a time, and then the latest of those that came meanwhile', async () => {
  const written: number[] = [];
  const finish: (() => void)[] = [];
  const messages = new LatestMessage<number>((message) => {
    written.push(message);
    return new Promise((resolve) => void finish.push(resolve));
  });
  for (const message of [1, 2, 3]) messages.sendMessage(message);
  expect(written).toEqual([1]);
  finish[0]?.();
  await expect.poll(() => written).toEqual([1, 3]);
  messages.sendMessage(4);
  expect(written).toEqual([1, 3]);
  finish[1]?.();
  await expect.poll(() => written).toEqual([1, 3, 4]);
});
