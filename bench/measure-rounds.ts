import { cpuUnderLoad, type Effort, type Server } from './harness.ts';
import { openLoad, type Load } from './load-generator.ts';
import type { Measured } from './results.ts';
import { shuffled } from './statistics.ts';

/** A server and the load that it is measured with. */
export interface ComparedServer {
  readonly server: Server;
  readonly load: Load;
}

/** Measures every server once in each round, in random order, after a warm-up that is not counted. */
export async function measureServers(
  effort: Effort,
  compared: Readonly<Record<string, ComparedServer>>,
  beforeRound: () => Promise<void> = async () => undefined,
): Promise<Record<string, Measured>> {
  const measured: Record<string, Measured> = {};
  await beforeRound();
  for (const [name, each] of Object.entries(compared)) {
    measured[name] = noMeasurements();
    await warmUp(each, effort);
  }
  for (let round = 0; round < effort.rounds; round++) {
    await beforeRound();
    for (const [name, each] of shuffled(Object.entries(compared))) {
      await measureRound(each, effort, measured[name] as Measured);
    }
  }
  return measured;
}

async function warmUp({ load }: ComparedServer, { seconds }: Effort): Promise<void> {
  const opened = await openLoad(load);
  await opened.drive({ seconds });
  opened.close();
}

async function measureRound({ server, load }: ComparedServer, effort: Effort, measured: Measured): Promise<void> {
  const { seconds, rate } = effort;
  const atRate = await cpuUnderLoad(server, load, { seconds, rate });
  const saturated = await cpuUnderLoad(server, load, { seconds });
  measured.cpuMicroseconds.push(atRate.cpuMicroseconds);
  measured.p99Milliseconds.push(atRate.p99Milliseconds);
  measured.saturatedCpuMicroseconds.push(saturated.cpuMicroseconds);
  measured.requestsPerSecond.push(saturated.requestsPerSecond);
  measured.generatorShare.push(saturated.generatorShare);
  measured.keptUp = Math.min(measured.keptUp, atRate.requestsPerSecond / rate);
}

function noMeasurements(): Measured {
  return {
    cpuMicroseconds: [],
    p99Milliseconds: [],
    saturatedCpuMicroseconds: [],
    requestsPerSecond: [],
    generatorShare: [],
    keptUp: 1,
  };
}
