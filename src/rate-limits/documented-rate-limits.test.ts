import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { MAX_DEVICE_FAILURES, MAX_DEVICES } from './known-devices.js';
import { ACCOUNT_GUARD, LIMITS, SHARES } from './limit-policies.js';

const [, section = ''] = /## Guessing\n([^]*?)\n## /.exec(readFileSync('docs/security.md', 'utf8')) ?? [];

it('the limits are those of docs/security.md (CFG-04)', () => {
  const rows = [...section.matchAll(/^\| (`.+?) \| .+? \| (.+?) \|$/gm)].flatMap(([, names = '', most = '']) => {
    const [quotas = '', seconds = ''] = most.split(' in ');
    return names
      .split(' · ')
      .map((name, index) => [
        name.replaceAll('`', ''),
        Number(quotas.split(' · ')[index]),
        Number.parseInt(seconds, 10),
      ]);
  });
  expect(rows.filter(([name]) => name !== ACCOUNT_GUARD.name)).toEqual(
    Object.values(LIMITS).map(({ name, quota, seconds }) => [name, quota, seconds]),
  );
  const { free, firstSeconds, growthFactor, maxSeconds, maxFailures } = ACCOUNT_GUARD;
  expect(growthFactor).toBe(2);
  expect(section).toContain(
    `${free} at once; then a wait of ${firstSeconds} s, doubled by each up to ${maxSeconds} s; after ${maxFailures} one an hour`,
  );
  expect(section).toContain(`in ${SHARES} shares`);
  expect(section).toContain(`${MAX_DEVICE_FAILURES} wrong passwords in a row from that device`);
  expect(section).toContain(`its ${MAX_DEVICES} latest devices`);
});
