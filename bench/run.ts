import { parseArgs } from 'node:util';
import { guard } from './guard.ts';
import type { Effort } from './harness.ts';
import { loginStorm } from './login-storm.ts';
import { revocation } from './revocation.ts';

const SCENARIOS: Readonly<Record<string, (effort: Effort) => Promise<void>>> = {
  guard,
  'login-storm': loginStorm,
  revocation,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '8' },
    seconds: { type: 'string', default: '3' },
    rate: { type: 'string', default: '2000' },
  },
});
const effort = { rounds: Number(values.rounds), seconds: Number(values.seconds), rate: Number(values.rate) };
for (const name of positionals.length > 0 ? positionals : ['guard']) {
  const scenario = SCENARIOS[name];
  if (scenario === undefined)
    throw new Error(`There is no scenario ${name}; there are ${Object.keys(SCENARIOS).join(', ')}`);
  await scenario(effort);
}
