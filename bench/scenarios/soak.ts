import { appendFileSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { withBench, type Bench, type Effort } from '../harness.ts';
import { LIMITED, makeAccounts } from '../login-load.ts';
import { type Result } from '../results.ts';
import { freePort, pinToCore } from '../server-processes.ts';
import { DatabaseProbe } from '../soak/database-probe.ts';
import { MIN_SAMPLES } from '../soak/flatness.ts';
import { MixedLoad } from '../soak/mixed-load.ts';
import { NodeProbe } from '../soak/node-probe.ts';
import { SimulatedClients } from '../soak/simulated-clients.ts';
import { verdictsOf, type SoakSample } from '../soak/verdicts.ts';

const SCENARIO = 'soak';
const ABOUT =
  'the product by default at 70 % of its capacity, limits and log on, all kinds of requests; the last quarter against the second';
const LOAD = 0.7;
/** Requests per second of the first step of the search for the capacity. */
const FIRST_PACE = 200;
/** A step is so many times the one before: first roughly, then finely. */
const FINE_STEP = 1.1;
const STEPS = [1.4, FINE_STEP];
const STEP_SECONDS = 10;
/** The capacity is answered for so long: a step of some seconds may succeed by chance. */
const CAPACITY_SECONDS = 60;
/** Each sample collects the garbage of the node: more often would be a load of its own. */
const MIN_INTERVAL_SECONDS = 5;
const MAX_CLIENTS = 1000;
const MIN_CLIENTS = 50;
/** Users who are signed in, of all. */
const SIGNED_IN = 0.8;
const PROGRESS_FILE = 'bench/results/soak-progress.ndjson';
/** The log is emptied beyond this, as a rotation with `copytruncate` does. */
const MAX_LOG_BYTES = 256e6;

/** Each sample is a line of the {@link PROGRESS_FILE} at once, so that those of an interrupted run are not lost. */
export function soak(effort: Effort): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-soak-'));
  return withBench<Result>(async (bench) => {
    const log = join(folder, 'log');
    const { load, node, database } = await start(bench, effort, log);
    const capacity = await capacityOf(load, effort.seconds);
    const perSecond = LOAD * capacity;
    console.log(`Capacity ${capacity.toFixed(0)} requests per second; ${perSecond.toFixed(0)} are sent.`);
    const samples: SoakSample[] = [];
    mkdirSync(dirname(PROGRESS_FILE), { recursive: true });
    writeFileSync(PROGRESS_FILE, '');
    const stop = load.start(perSecond);
    load.takeWindow();
    for await (const seconds of moments(effort.seconds)) {
      await database.ageAndPurge(ageOf(effort.seconds));
      const sample = { seconds, ...load.takeWindow(), node: await node.sample(), tables: await database.sample() };
      samples.push(sample);
      appendFileSync(PROGRESS_FILE, `${JSON.stringify(sample)}\n`);
      if (statSync(log).size > MAX_LOG_BYTES) truncateSync(log);
    }
    await stop();
    node.close();
    load.close();
    return {
      scenario: SCENARIO,
      about: ABOUT,
      effort: { ...effort, rate: perSecond },
      servers: {},
      measures: verdictsOf(samples, capacity),
      samples,
    };
  }).finally(() => rmSync(folder, { recursive: true }));
}

async function start(bench: Bench, { seconds }: Effort, log: string) {
  const databaseUrl = await bench.createDatabase();
  const [metricsPort, inspectorPort] = [await freePort(), await freePort()];
  const options = `--expose-gc --inspect=127.0.0.1:${inspectorPort} ${process.env['NODE_OPTIONS'] ?? ''}`;
  const environment = { ...LIMITED, LOG_LEVEL: 'info', METRICS_PORT: String(metricsPort), NODE_OPTIONS: options };
  const node = await bench.startNode(databaseUrl, { environment, stdout: log });
  const purger = await bench.startServer(databaseUrl, LIMITED);
  pinToCore(await purger.ask<number>('pid'), 1);
  const clients = Math.min(MAX_CLIENTS, Math.max(MIN_CLIENTS, Math.round(3 * seconds)));
  const load = new MixedLoad(node.url, new SimulatedClients(await makeAccounts(bench, databaseUrl, node), clients));
  await load.logInFirst(SIGNED_IN);
  return {
    load,
    node: await NodeProbe.open(node, metricsPort, inspectorPort),
    database: await DatabaseProbe.open(bench, databaseUrl, purger),
  };
}

/** The most requests of the mix per second of which none is refused, lost or kept waiting for long. */
async function capacityOf(load: MixedLoad, seconds: number): Promise<number> {
  let pace = FIRST_PACE;
  for (const step of STEPS) {
    while (await load.canAnswer(pace * step, Math.min(STEP_SECONDS, seconds))) pace *= step;
  }
  while (pace > FIRST_PACE && !(await load.canAnswer(pace, Math.min(CAPACITY_SECONDS, seconds)))) pace /= FINE_STEP;
  return pace;
}

/** Up to 240 moments of the run; each is due at its time, or as soon as the work after the last one is done. */
async function* moments(seconds: number): AsyncGenerator<number> {
  const interval = Math.max(MIN_INTERVAL_SECONDS, Math.min(30, seconds / 24), seconds / 240);
  const startedAt = performance.now();
  const elapsed = (): number => (performance.now() - startedAt) / 1000;
  for (let count = 1; count <= MIN_SAMPLES || elapsed() < seconds; count++) {
    await pause(Math.max(0, Math.min(count * interval, (count / MIN_SAMPLES) * seconds) - elapsed()) * 1000);
    yield elapsed();
  }
}

/** Rows are purged when they are this many seconds old. */
function ageOf(seconds: number): number {
  return Math.max(1, Math.min(60, seconds / 30));
}
