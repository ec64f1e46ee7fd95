import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, onTestFinished } from 'vitest';
import { readResults, type Table } from '../../bench/results.ts';
import { TARGETS } from '../../bench/targets.ts';

export const BRIEF_RUN = ['--processes', '1', '--rounds', '1', '--seconds', '0.3', '--rate', '500'];
/** The first test that needs the peers installs them; on a busy machine one hash can take seconds. */
export const LONG_TIMEOUT = { timeout: 300_000 };

export async function bench(...args: string[]): Promise<string> {
  const env = { ...process.env, GROWTH_SIZES: '1000' };
  const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'bench', '--', ...args], { env });
  return stdout;
}

/** Runs the benchmark; resolves with its output and its result file, which is deleted at the end of the test. */
export async function runBench(...args: string[]): Promise<{ stdout: string; file: string; table: Table }> {
  const stdout = await bench(...args);
  const file = stdout.trim().split('\n').at(-1) ?? '';
  onTestFinished(() => rmSync(file));
  return { stdout, file, table: readResults(file) };
}

/** A brief run of the scenario has figures of these servers, and of each measure that has a target. */
export async function expectScenarioRuns(scenario: string, servers: readonly string[]): Promise<void> {
  const { table } = await runBench(scenario, ...BRIEF_RUN);
  const [result] = table.results;
  expect(result?.scenario).toBe(scenario);
  expect(Object.keys(result?.servers ?? {}).toSorted()).toEqual(servers.toSorted());
  for (const { cpuMicroseconds, requestsPerSecond } of Object.values(result?.servers ?? {})) {
    expect(cpuMicroseconds).toEqual([expect.toSatisfy((each: number) => each > 1)]);
    expect(requestsPerSecond).toEqual([expect.toSatisfy((each: number) => each > 1)]);
  }
  const names = result?.measures.map(({ name }) => name) ?? [];
  const targets = TARGETS.filter((each) => each.scenario === scenario).map((each) => each.measure);
  expect(names).toEqual(expect.arrayContaining(targets));
  expect(result?.measures.length).toBeGreaterThan(0);
  expect(result?.measures.flatMap(({ values }) => values).every(Number.isFinite)).toBe(true);
}
