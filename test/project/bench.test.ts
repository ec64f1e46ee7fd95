import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { checkGuard } from '../../bench/compared-servers.ts';
import { formatTargets } from '../../bench/format-results.ts';
import { growthTables } from '../../bench/growth-table.ts';
import { cpuUnderLoad, signIn, withBench } from '../../bench/harness.ts';
import { installPackages } from '../../bench/install-packages.ts';
import { bearer, Load, openLoad } from '../../bench/load-generator.ts';
import { measureServers, type ComparedServers } from '../../bench/measure-rounds.ts';
import { processTree, residentBytes, threadMilliseconds } from '../../bench/process-tree.ts';
import { readmeTables } from '../../bench/readme-table.ts';
import { measure, ratio, readResults, type Measured, type Result } from '../../bench/results.ts';
import { SCENARIOS } from '../../bench/scenarios.ts';
import { estimate, quantile } from '../../bench/statistics.ts';
import type { SteadyLoad, SteadyResult } from '../../bench/steady-load.worker.ts';
import { forgeSignature, mintToken, viewOf } from '../../bench/tokens.ts';
import { bench, BRIEF_RUN, LONG_TIMEOUT, runBench } from '../support/bench-run.ts';

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('npm run bench', () => {
  it('measures the guard', LONG_TIMEOUT, async () => {
    const { stdout, table } = await runBench('guard', ...BRIEF_RUN);
    expect(stdout).toMatch(/guarded \/ unguarded +\d.* target ≤ 1\.05: (?:not )?reached$/m);
    expect(table.results.map(({ scenario }) => scenario)).toEqual(['guard']);
  });

  it.each([
    [['nothing'], 'There is no scenario nothing; there are guard, many-tokens,'],
    [['compare', 'before.json', 'after.json'], 'There is no file before.json: give one that a run wrote.'],
    [['compare', 'before.json'], 'Give two result files: '],
    [['compare', 'README.md', 'README.md'], 'README.md is not a result file'],
    [['report', 'table.json'], 'There is no file table.json: give one that a run wrote.'],
    [['guard', '--round', '3'], "Unknown option '--round'"],
    [['guard', '--rounds', 'many'], '--rounds is not a number above 0: many'],
  ])('refuses %j with one line', async (args, message) => {
    const stderr = await bench(...args).catch((error: unknown) => (error as { stderr: string; code: number }).stderr);
    expect(stderr).toMatch(/^[^\n]+\n$/);
    expect(stderr.startsWith(message)).toBe(true);
  });
});

describe.each(['bench/peers', 'bench/charts'] as const)('%s', (packages) => {
  it('matches the types of its packages', LONG_TIMEOUT, async () => {
    installPackages(packages);
    await promisify(execFile)('npx', ['tsc', '-p', packages]);
  });
});

describe('the README of the benchmark', () => {
  it('has a row for each scenario', () => {
    const [, section = ''] = readFileSync('bench/README.md', 'utf8').split('\n## The scenarios\n');
    const [table = ''] = section.split('\n## ');
    expect([...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name = '']) => name).toSorted()).toEqual(
      Object.keys(SCENARIOS).toSorted(),
    );
  });

  it('shows the committed table', () => {
    expect(readFileSync('bench/README.md', 'utf8')).toContain(readmeTables(readResults('bench/results/table.json')));
  });
});

function numbersOf(text: string): string[] {
  return [...text.matchAll(/\d[\d,.]*\d|\d/g)].map(([number]) => number);
}

describe('a page with figures', () => {
  const measured = readmeTables(readResults('bench/results/table.json')).split('\n');

  it.each(['README.md', 'docs/performance.md'])('%s shows figures of the committed table alone', (page) => {
    const rows = readFileSync(page, 'utf8').matchAll(/^\| .* \| (.+) \| `([a-z-]+)` \|$/gm);
    const shown = [...rows].map(([, figure = '', scenario = '']) => {
      const known = numbersOf(measured.filter((row) => row.startsWith(`| ${scenario} | `)).join('\n'));
      return { figure, unknown: numbersOf(figure).filter((number) => !known.includes(number)) };
    });
    expect(shown.length).toBeGreaterThan(5);
    expect(shown.filter(({ unknown }) => unknown.length > 0)).toEqual([]);
  });
});

async function listen(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  onTestFinished(async () => void server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

describe('docs/performance.md', () => {
  it('shows the committed figures of growth', () => {
    const [result] = readResults('bench/results/growth.json').results;
    expect(result?.scenario).toBe('growth');
    expect(readFileSync('docs/performance.md', 'utf8')).toContain(growthTables(result as Result));
  });
});

describe('a benchmark peer', () => {
  const token = mintToken();
  const check = (url: string): Promise<void> =>
    checkGuard(url, bearer(token), bearer(forgeSignature(token)), viewOf(token));

  it('that accepts a tampered token is not measured', async () => {
    const url = await listen((_request, response) => response.end(JSON.stringify(viewOf(token))));
    await expect(check(url)).rejects.toThrow('answered 200 to a tampered credential');
  });

  it('that returns another body is not measured', async () => {
    const url = await listen((_request, response) => response.end(JSON.stringify(viewOf(mintToken()))));
    await expect(check(url)).rejects.toThrow('answered something else');
  });
});

describe('the CPU time of a process tree', () => {
  it('includes the threads of a child process, those with a name apart', async () => {
    const burn = 'for (const end = Date.now() + 300; Date.now() < end; );';
    const child = `process.title = "hash"; ${burn} console.log("done"); setInterval(() => {}, 1000)`;
    const parent = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(child)}], { stdio: "inherit" })`;
    const { pid = 0, stdout } = spawn(process.execPath, ['-e', parent], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => processTree(pid).forEach((each) => void process.kill(each)));
    await once(stdout, 'data');
    const [first, second] = processTree(pid);
    const { named, others } = threadMilliseconds(processTree(pid), 'hash');
    expect(first).toBe(pid);
    expect(named).toBeGreaterThan(100);
    expect(others).toBeLessThan(named);
    expect(residentBytes([pid, second ?? 0])).toBeGreaterThan(residentBytes([pid]));
  });
});

describe('a node of the product', () => {
  it('is started as it is shipped, with a core and a log of its own', LONG_TIMEOUT, async () => {
    const stdout = join(folder, 'log');
    const cpu = await withBench(async (given) => {
      const environment = { LOG_LEVEL: 'info' };
      const node = await given.startNode(await given.createDatabase(), { environment, stdout });
      const load = new Load(`${node.url}/v1/auth/me`, [bearer(await signIn(node.url))]);
      expect(node.pids()).toHaveLength(1);
      return (await cpuUnderLoad(node, load, { seconds: 0.2, rate: 500 })).cpuMicroseconds;
    });
    expect(cpu).toBeGreaterThan(1);
    expect(readFileSync(stdout, 'utf8')).toContain('/v1/auth/me');
  });
});

describe('the load generator', () => {
  it('sends every one of many tokens, and at the given rate', async () => {
    const seen = new Set<string | undefined>();
    const url = await listen((request, response) => {
      seen.add(request.headers.authorization);
      response.end('{}');
    });
    const load = new Load(
      url,
      Array.from({ length: 100 }, (_, index) => bearer(String(index))),
    );
    const opened = await openLoad(load);
    onTestFinished(() => opened.close());
    const { answered } = await opened.drive({ seconds: 0.2, rate: 1000 });
    expect([answered, seen.size]).toEqual([200, 100]);
  });

  it.each([500, 401])('fails on a response with %d', async (status) => {
    const url = await listen((_request, response) => response.writeHead(status, { 'content-length': 2 }).end('{}'));
    const opened = await openLoad(new Load(url, [bearer('x')]));
    onTestFinished(() => opened.close());
    await expect(opened.drive({ seconds: 0.1 })).rejects.toThrow(`answered ${status}`);
  });
});

describe('the steady-load generator', () => {
  it('continues beyond its duration until an awaited status has been received', async () => {
    let asked = 0;
    const url = await listen((_request, response) => {
      response.writeHead(++asked <= 20 ? 503 : 200, { 'content-length': 2 }).end('{}');
    });
    const workerData: SteadyLoad = {
      url,
      headers: {},
      posts: [],
      perSecond: 100,
      warmUpSeconds: 0,
      seconds: 0.05,
      awaited: [{ status: 200, withinMilliseconds: Infinity }],
      patienceMilliseconds: 5000,
    };
    const worker = new Worker(new URL('../../bench/steady-load.worker.ts', import.meta.url), { workerData });
    const [{ times, lost }] = (await once(worker, 'message')) as [SteadyResult];
    expect(times).toMatchObject({ 503: { length: 20 }, 200: expect.arrayContaining([expect.any(Number)]) });
    expect(lost).toBe(0);
  });
});

/** CPU per request in each round of each process; twice as much at saturation. */
const ofProcesses = (...rounds: readonly number[][]): Measured => ({
  cpuMicroseconds: [],
  p99Milliseconds: [],
  saturatedCpuMicroseconds: [],
  requestsPerSecond: [],
  generatorShare: [],
  keptUp: 1,
  rounds: rounds.map((each) => ({
    cpuMicroseconds: each,
    saturatedCpuMicroseconds: each.map((cpu) => cpu * 2),
  })),
});

describe('measuring servers', () => {
  it('starts each of them several times and counts a process once, with the median of its rounds', async () => {
    const stop = vi.fn(async () => undefined);
    let asked = 0;
    // Each process answers a request at ten times the cost of the process before it.
    const startServers = async (): Promise<ComparedServers> => {
      const microseconds = 10 ** ++asked;
      let answered = 0;
      const url = await listen((_request, response) => {
        answered++;
        response.end('{}');
      });
      const cpu = async (): Promise<number> => answered * microseconds;
      return { constant: { server: { url, cpu, stop }, load: new Load(url, [bearer('x')]) } };
    };
    const effort = { processes: 3, rounds: 2, seconds: 0.1, rate: 100 };
    const { constant } = await measureServers(effort, startServers);
    expect(constant?.cpuMicroseconds).toEqual([10, 100, 1000]);
    expect(constant?.rounds?.[2]?.saturatedCpuMicroseconds).toEqual([1000, 1000]);
    expect(stop).toHaveBeenCalledTimes(3);
  });

  it('takes a ratio within each round, and its interval over the processes', () => {
    const servers = {
      ours: ofProcesses([10, 40, 90], [8, 8, 8], [6, 6, 6]),
      least: ofProcesses([5, 10, 30], [8, 8, 8], [3, 3, 3]),
    };
    expect(ratio('none', servers, ['ours', 'least'])).toMatchObject({
      values: [3, 1, 2],
      median: 2,
      low: 1,
      high: 3,
      saturated: { median: 2, low: 1, high: 3 },
    });
  });
});

describe('a target', () => {
  it('is judged at the equal rate and at saturation apart, and may have two bounds', () => {
    const measured = { name: 'ratio', unit: 'ratio', values: [1.1], median: 1.1, low: 1.1, high: 1.1 };
    const saturated = { median: 1.4, low: 1.4, high: 1.4 };
    expect(formatTargets({ ...measured, most: 1.15, saturated, saturatedMost: 1.3 })).toBe(
      '≤ 1.15: reached; saturated ≤ 1.3: not reached',
    );
    expect(formatTargets({ ...measured, median: -0.1, most: 0.05, least: -0.05 })).toBe('-0.05 to 0.05: not reached');
  });
});

describe('a measurement', () => {
  it.each([NaN, Infinity])('of %d is an error', (value) => {
    expect(() => measure('guard', 'guarded / unguarded', 'ratio', [1, value])).toThrow('guarded / unguarded was 1, ');
  });
});

describe('the statistics', () => {
  it('reject an empty list of numbers', () => {
    expect(() => quantile([], 0.5)).toThrow(RangeError);
  });

  it('give an interval around the median, the same on every call', () => {
    const numbers = [1, 2, 3, 4, 100, 6, 7, 8, 9];
    const { median, low, high } = estimate(numbers);
    expect(median).toBe(quantile(numbers, 0.5));
    expect([low < median, median < high, high < 100]).toEqual([true, true, true]);
    expect(estimate(numbers)).toEqual({ median, low, high });
  });
});
