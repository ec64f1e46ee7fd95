import { readFileSync, rmSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { TARGETS } from '../../bench/targets.ts';
import { expectScenarioRuns, LONG_TIMEOUT, runBench } from '../support/bench-run.ts';

it.each([
  ['cost', []],
  ['growth', []],
])('npm run bench -- %s measures the statements of the service', LONG_TIMEOUT, expectScenarioRuns);

it('npm run bench -- soak keeps the samples that its verdict is computed from', LONG_TIMEOUT, async () => {
  onTestFinished(() => rmSync('bench/results/soak-progress.ndjson', { force: true }));
  const { table } = await runBench('soak', '--seconds', '1');
  const { samples = [], measures = [] } = table.results[0] ?? {};
  expect(samples.length).toBeGreaterThanOrEqual(8);
  const lines = readFileSync('bench/results/soak-progress.ndjson', 'utf8').trim().split('\n');
  const times = lines.map((line) => (JSON.parse(line) as { seconds: number }).seconds);
  expect(times.map((seconds) => Number(seconds.toPrecision(5)))).toEqual(
    samples.map((sample) => (sample as { seconds: number }).seconds),
  );
  const names = measures.map(({ name }) => name);
  // Of the rare kinds of requests, a second has too few for a verdict.
  const targets = TARGETS.filter(
    (each) => each.scenario === 'soak' && !/(?:session list|refresh|login|logout) p50/.test(each.measure),
  );
  expect(names).toEqual(expect.arrayContaining(targets.map((each) => each.measure)));
  const of = (name: string): number => measures.find((each) => each.name === name)?.median ?? Number.NaN;
  expect(of('broken connections')).toBe(0);
  expect(of('guarded request: answered')).toBeGreaterThan(10);
  expect(of('capacity')).toBeGreaterThan(10);
});
