import { it } from 'vitest';
import { expectScenarioRuns, LONG_TIMEOUT } from '../support/bench-run.ts';

it.each([
  ['cost', []],
  ['growth', []],
])('npm run bench -- %s measures the statements of the service', LONG_TIMEOUT, expectScenarioRuns);
