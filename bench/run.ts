import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '8' },
    seconds: { type: 'string', default: '3' },
    rate: { type: 'string', default: '2000' },
  },
});
const [rounds, seconds, rate] = [Number(values.rounds), Number(values.seconds), Number(values.rate)];
const ROUTES = ['unguarded', 'guarded'] as const;
type Route = (typeof ROUTES)[number];
interface Round {
  readonly cpuMicroseconds: number;
  readonly requestsPerSecond: number;
  readonly p99Milliseconds: number;
}

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
chmodSync(folder, 0o711);
pin(process.pid, 1);
const server = fork('bench/server.ts', [folder, randomBytes(32).toString('base64url')], {
  execArgv: ['--disable-warning=ExperimentalWarning'],
});
try {
  pin(server.pid ?? 0, 0);
  const [url] = (await once(server, 'message')) as [string];
  const token = await signIn(url);
  const measured: Record<Route, Round[]> = { unguarded: [], guarded: [] };
  for (const route of ROUTES) await drive(`${url}/bench/${route}`, token, undefined);
  for (let round = 0; round < rounds; round++) {
    for (const route of round % 2 ? ROUTES.toReversed() : ROUTES)
      measured[route].push(await measure(`${url}/bench/${route}`, token));
  }
  report(measured);
} finally {
  const gone = once(server, 'exit');
  server.send('stop');
  await gone;
  rmSync(folder, { recursive: true, force: true });
}

/** CPU time of the server per request at one equal offered rate; then throughput and p99 at saturation. */
async function measure(url: string, token: string): Promise<Round> {
  const before = await cpuOf(server);
  const offered = await drive(url, token, rate);
  const cpuMicroseconds = ((await cpuOf(server)) - before) / offered.requests.total;
  const saturated = await drive(url, token, undefined);
  return { cpuMicroseconds, requestsPerSecond: saturated.requests.average, p99Milliseconds: saturated.latency.p99 };
}

async function drive(url: string, token: string, overallRate: number | undefined): Promise<autocannon.Result> {
  const result = await autocannon({
    url,
    connections: 32,
    duration: seconds,
    headers: { authorization: `Bearer ${token}` },
    ...(overallRate === undefined ? {} : { overallRate }),
  });
  if (result.non2xx + result.errors > 0) throw new Error(`${url} answered ${result.non2xx} times otherwise than 2xx`);
  return result;
}

async function cpuOf(child: ChildProcess): Promise<number> {
  const answer = once(child, 'message');
  child.send('cpu');
  const [{ user, system }] = (await answer) as [NodeJS.CpuUsage];
  return user + system;
}

async function signIn(url: string): Promise<string> {
  const credentials = JSON.stringify({ email: 'bench@example.com', password: randomBytes(18).toString('base64url') });
  const post = (path: string): Promise<Response> =>
    fetch(`${url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: credentials });
  await post('/v1/auth/register');
  const { access_token: token } = (await (await post('/v1/auth/login')).json()) as { access_token: string };
  return token;
}

function pin(pid: number, core: number): void {
  try {
    execFileSync('taskset', ['-a', '-p', '-c', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    console.log(`Not pinned to core ${core}: taskset is missing or was refused.`);
  }
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}

function range(numbers: readonly number[]): string {
  return `${median(numbers).toFixed(1)} (${Math.min(...numbers).toFixed(1)} to ${Math.max(...numbers).toFixed(1)})`;
}

function report(measured: Record<Route, Round[]>): void {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const ratios = measured.guarded.map(
    ({ cpuMicroseconds }, i) => cpuMicroseconds / (measured.unguarded[i]?.cpuMicroseconds ?? 0),
  );
  const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  console.log(`gatehouse ${version}, Node ${process.version}, HS256, LOG_LEVEL=warn; ${machine}`);
  console.log(`${rounds} interleaved rounds of ${seconds} s at ${rate} requests/s, then saturated; median (range)`);
  for (const route of ROUTES) {
    const of = (member: keyof Round): string => range(measured[route].map((each) => each[member]));
    console.log(
      `${route.padEnd(10)} CPU µs/request ${of('cpuMicroseconds')}   requests/s ${of('requestsPerSecond')}   p99 ms ${of('p99Milliseconds')}`,
    );
  }
  console.log(
    `guarded / unguarded, CPU: ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`,
  );
  mkdirSync('bench/results', { recursive: true });
  const file = `bench/results/${new Date().toISOString().replaceAll(':', '-')}.json`;
  writeFileSync(
    file,
    JSON.stringify({ version, node: process.version, machine, rounds, seconds, rate, measured, ratios }, null, 2),
  );
  console.log(file);
}
