import { expect, it } from 'vitest';
import type { TopicMessage } from '../workers/topic.js';
import { PrimaryLink } from '../workers/primary-link.js';
import { grantedHashPermits } from './hash-permit-channel.js';

it('a worker whose primary is stopped queues one report, and sends the latest once that is written', async () => {
  const sent: TopicMessage[] = [];
  const written: (() => void)[] = [];
  const link = new PrimaryLink((message, done) => {
    sent.push(message);
    written.push(done);
  });
  const permits = grantedHashPermits(100, link);
  for (let waiting = 1; waiting <= 50; waiting++)
    permits.reportDemand({ running: 0, waiting, reserved: 0, longestWaitMs: 0 });
  expect(sent).toMatchObject([{ content: { waiting: 1 } }]);
  written[0]?.();
  await expect.poll(() => sent).toMatchObject([{ content: { waiting: 1 } }, { content: { waiting: 50 } }]);
});
