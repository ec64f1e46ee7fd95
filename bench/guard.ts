import { cpuPerRequest, drive, introduce, quantile, range, save, signIn, withBench, type Effort } from './harness.ts';

const ROUTES = ['unguarded', 'guarded'] as const;
type Route = (typeof ROUTES)[number];
interface Round {
  readonly cpuMicroseconds: number;
  readonly requestsPerSecond: number;
  readonly p99Milliseconds: number;
}

/** What the guard adds to one and the same handler. */
export function guard(effort: Effort): Promise<void> {
  const { rounds, seconds } = effort;
  return withBench(async (bench) => {
    const environment = { JWT_SECRET: 'hQ3kX9vB5nM1rT7yU2wE8iO4pA6sD0fG' };
    const server = await bench.startServer(await bench.createDatabase(), environment);
    const token = await signIn(server.url);
    const measured: Record<Route, Round[]> = { unguarded: [], guarded: [] };
    for (const route of ROUTES) await drive(`${server.url}/bench/${route}`, { token, seconds });
    for (let round = 0; round < rounds; round++) {
      for (const route of round % 2 ? ROUTES.toReversed() : ROUTES) {
        const cpuMicroseconds = await cpuPerRequest(server, `/bench/${route}`, token, effort);
        const { requests, latency } = await drive(`${server.url}/bench/${route}`, { token, seconds });
        measured[route].push({ cpuMicroseconds, requestsPerSecond: requests.average, p99Milliseconds: latency.p99 });
      }
    }
    report(effort, measured);
  });
}

function report(effort: Effort, measured: Record<Route, Round[]>): void {
  const { rounds, seconds, rate } = effort;
  const ratios = measured.guarded.map(
    ({ cpuMicroseconds }, i) => cpuMicroseconds / (measured.unguarded[i]?.cpuMicroseconds ?? 0),
  );
  introduce('HS256');
  console.log(`${rounds} interleaved rounds of ${seconds} s at ${rate} requests/s, then saturated; median (range)`);
  for (const route of ROUTES) {
    const of = (member: keyof Round): string => range(measured[route].map((each) => each[member]));
    console.log(
      `${route.padEnd(10)} CPU µs/request ${of('cpuMicroseconds')}   requests/s ${of('requestsPerSecond')}   p99 ms ${of('p99Milliseconds')}`,
    );
  }
  console.log(`guarded / unguarded, CPU: ${range(ratios, 2)}`);
  save('guard', { rounds, seconds, rate, measured, ratios, median: quantile(ratios, 0.5) });
}
