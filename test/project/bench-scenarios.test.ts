import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { TARGETS } from '../../bench/targets.ts';
import { bench, BRIEF_RUN, expectScenarioRuns, LONG_TIMEOUT, runBench } from '../support/bench-run.ts';

it(
  'npm run bench measures the guard and two peers, says that the figures are rough, and writes a file to compare and draw',
  LONG_TIMEOUT,
  async () => {
    const { stdout, file, table } = await runBench(...BRIEF_RUN);
    expect(stdout).toContain('A quick look');
    expect(stdout).toMatch(/guarded \/ unguarded +\d.* target ≤ 1\.05: (?:not )?reached$/m);
    expect(stdout).toMatch(/guarded, a role \/ guarded +\d/);
    expect(table.results.map(({ scenario }) => scenario)).toEqual(['guard', 'peers']);
    expect(table).toMatchObject({ versions: { Node: process.version, 'better-auth': expect.any(String) } });

    expect(await bench('compare', file, file)).toMatch(/^guard: guarded \/ unguarded +(\S+) -> \1 +1\.00$/m);
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-test-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const page = join(folder, 'report.html');
    await bench('report', file, page);
    const html = readFileSync(page, 'utf8');
    expect(html).toContain('<svg');
    expect(html).toContain(table.machine);
    expect(html).not.toMatch(/<(?:script|link|img)|url\(|@import/);
  },
);

it.each([
  [
    'fastify',
    [
      'raw node:http',
      'raw Fastify',
      'raw Fastify, our headers',
      'least Nest',
      'guarded, warn',
      'guarded, defaults',
      'guarded, defaults to a file',
      "builder's route, warn",
      "builder's route, defaults",
    ],
  ],
  [
    'refresh',
    ['Gatehouse, HS256', 'pg alone, HS256', 'Gatehouse, ES256', 'pg alone, ES256', 'Gatehouse, ES256, limits and log'],
  ],
  ['many-tokens', ['unguarded', 'guarded, one token', 'guarded, 100,000 tokens', 'guarded, half of them fit']],
  [
    'peers',
    [
      'guarded',
      'Fastify, hook and map',
      '@fastify/jwt, cache',
      '@fastify/jwt, no cache',
      'Express, express-jwt',
      'Hono, hono/jwt',
      'tutorial',
      'better-auth',
    ],
  ],
  ['algorithms', ['HS256', 'ES256']],
  ['first-sight', ['guarded', 'jose']],
  [
    'refusals',
    [
      '200',
      '401 without a token',
      '401 for garbage',
      '401 for an unknown key',
      '401 for a revoked token',
      '401 for a forgery',
    ],
  ],
  ['gate', []],
  ['profile', []],
  ['limits', []],
  ['login-storm', []],
  ['log', ['no request log', 'log to /dev/null', 'log to a file']],
  ['revocation', ['no revocations', '100,000 live revocations']],
  ['cost', []],
  ['growth', []],
])('npm run bench -- %s measures its servers, and what has a target', LONG_TIMEOUT, expectScenarioRuns);

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
