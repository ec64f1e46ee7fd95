import { cpuUnderLoad, type Effort, type MeasuredServer } from './harness.ts';
import { openLoad, type RequestSource } from './load-generator.ts';
import type { Measured } from './results.ts';
import { quantile, shuffled } from './statistics.ts';

/** A server and the load that it is measured with. */
export interface ComparedServer {
  readonly server: MeasuredServer;
  readonly load: RequestSource;
}

export type ComparedServers = Readonly<Record<string, ComparedServer>>;

/**
 * Warm-up of a process, in measurements of a round, until it has answered this many requests per second of a round. V8
 * compiles until some 60,000 requests; until 20,000 a request costs twice as much as later, and longer so in a server with
 * more code.
 */
const WARM_UP = { leastRounds: 2, mostRounds: 6, requestsPerSecond: 80_000 };

/**
 * Starts one process of each server, measures all of them in each round, in random order, after a warm-up that is not
 * counted, and stops them; and so on with the next processes. Two rows may be of one process.
 * @param beforeRound is awaited before each round, those of the warm-up included
 */
export async function measureServers(
  effort: Effort,
  startServers: () => Promise<ComparedServers>,
  beforeRound: (compared: ComparedServers) => Promise<void> = async () => undefined,
): Promise<Record<string, Measured>> {
  const measured: Record<string, Measured> = {};
  for (let process = 0; process < effort.processes; process++) {
    const compared = await startServers();
    const rounds = new Map(Object.keys(compared).map((name) => [name, [] as Round[]]));
    for (const each of Object.values(compared)) await warmUp(each, effort, () => beforeRound(compared));
    for (let round = 0; round < effort.rounds; round++) {
      await beforeRound(compared);
      for (const [name, each] of shuffled(Object.entries(compared))) {
        rounds.get(name)?.push(await measureRound(each, effort));
      }
    }
    for (const [name, ofProcess] of rounds) addProcess((measured[name] ??= noMeasurements()), ofProcess, effort);
    for (const server of new Set(Object.values(compared).map((each) => each.server))) await server.stop();
  }
  return measured;
}

async function warmUp(
  { server, load }: ComparedServer,
  { seconds }: Effort,
  beforeRound: () => Promise<void>,
): Promise<void> {
  const { leastRounds, mostRounds, requestsPerSecond } = WARM_UP;
  const opened = await openLoad(load, server.placement);
  let answered = 0;
  for (let round = 0; round < mostRounds; round++) {
    if (round >= leastRounds && answered >= requestsPerSecond * seconds) break;
    await beforeRound();
    answered += (await opened.drive({ seconds })).answered;
  }
  opened.close();
}

type Round = Readonly<Record<'atRate' | 'saturated', Awaited<ReturnType<typeof cpuUnderLoad>>>>;

async function measureRound({ server, load }: ComparedServer, { seconds, rate }: Effort): Promise<Round> {
  const atRate = await cpuUnderLoad(server, load, { seconds, rate });
  return { atRate, saturated: await cpuUnderLoad(server, load, { seconds }) };
}

function addProcess(measured: Measured, rounds: readonly Round[], { rate }: Effort): void {
  const median = (read: (round: Round) => number): number => quantile(rounds.map(read), 0.5);
  measured.cpuMicroseconds.push(median(({ atRate }) => atRate.cpuMicroseconds));
  measured.p99Milliseconds.push(median(({ atRate }) => atRate.p99Milliseconds));
  measured.saturatedCpuMicroseconds.push(median(({ saturated }) => saturated.cpuMicroseconds));
  measured.requestsPerSecond.push(median(({ saturated }) => saturated.requestsPerSecond));
  measured.generatorShare.push(Math.max(...rounds.map(({ saturated }) => saturated.generatorShare)));
  measured.serverShare?.push(
    median(({ saturated }) => (saturated.cpuMicroseconds * saturated.requestsPerSecond) / 1e6),
  );
  measured.rounds?.push({
    cpuMicroseconds: rounds.map(({ atRate }) => atRate.cpuMicroseconds),
    saturatedCpuMicroseconds: rounds.map(({ saturated }) => saturated.cpuMicroseconds),
  });
  measured.keptUp = Math.min(measured.keptUp, ...rounds.map(({ atRate }) => atRate.requestsPerSecond / rate));
}

function noMeasurements(): Measured {
  return {
    cpuMicroseconds: [],
    p99Milliseconds: [],
    saturatedCpuMicroseconds: [],
    requestsPerSecond: [],
    generatorShare: [],
    serverShare: [],
    rounds: [],
    keptUp: 1,
  };
}
