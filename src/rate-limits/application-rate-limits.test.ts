import { expect, it, vi } from 'vitest';
import type { Config } from '../config/config.js';
import { parseSettings } from '../config/read-settings.js';
import { ApplicationRateLimits } from './application-rate-limits.js';
import type { Attempt } from './charges.js';
import type { ChargingService } from './charging.service.js';
import { LimitKeys } from './limit-keys.js';
import { LimitRefusals } from './limit-refusals.js';

it('what is remembered of a refusal is not as long as the key of its maker', async () => {
  const config = {
    ...parseSettings({}),
    rateLimits: 'on',
    masterSecret: ['a secret of the tests'],
  } as unknown as Config;
  const chargeAttempt = vi.fn(async (_attempt: Attempt) => ({ charges: [], isKnownDevice: false }));
  const charging: Pick<ChargingService, 'chargeAttempt'> = { chargeAttempt };
  const limits = new ApplicationRateLimits(
    config,
    new LimitKeys(config),
    charging as ChargingService,
    new LimitRefusals(config),
  );
  const [one, other] = ['one', 'other'].map((name) => limits.define({ name, quota: 1, seconds: 1 }));
  const long = 'k'.repeat(16_000);
  for (const [limit, key] of [
    [one, long],
    [one, `${long}!`],
    [other, long],
    [one, long],
  ] as const)
    await limit?.charge(key);
  const keys = chargeAttempt.mock.calls.map(([{ refusalKeys = {} }]) => Object.values(refusalKeys)[0] ?? '');
  expect(keys.every((key) => key.length > 16 && key.length < 64)).toBe(true);
  expect(new Set(keys).size).toBe(3);
  expect(keys[3]).toBe(keys[0]);
});
