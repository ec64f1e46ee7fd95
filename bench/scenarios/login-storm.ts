import { setTimeout as pause } from 'node:timers/promises';
import { signIn, withBench, type Effort, type Server } from '../harness.ts';
import {
  askGuarded,
  LIMITED,
  logInAtOnce,
  logInInTurn,
  makeAccounts,
  QUEUE_MILLISECONDS,
  WARM_UP_SECONDS,
  watchThreads,
  type Guarded,
  type Logins,
} from '../login-load.ts';
import type { ThreadTimes } from '../process-tree.ts';
import { measure, type Measure, type Result } from '../results.ts';

const SCENARIO = 'login-storm';
const ABOUT = 'ten times as many logins as can be served, beside 500 guarded requests per second; one core, ES256';
/** A p99 below this is good, however short the idle one is. */
const MIN_P99_MILLISECONDS = 15;
/** Offered logins for each that can be served. */
const EXCESS = 10;
/** Longest time of the measurements before and after the storm. */
const SHORT_SECONDS = 10;

interface Round {
  readonly threadsAlone: ThreadTimes;
  readonly threadsInStorm: ThreadTimes;
  readonly idle: Guarded;
  readonly hashing: Guarded;
  readonly hashesPerSecond: number;
  readonly storm: Guarded;
  readonly logins: Logins;
  /** Logins per second of a few clients that each wait for their answer, so that none is refused. */
  readonly capacity: number;
  readonly rssMegabytes: number;
}

/** The effect of ten times as many logins as can be served on guarded requests and on the served logins. */
export function loginStorm(effort: Effort): Promise<Result> {
  return withBench(async (bench) => {
    const rounds: Round[] = [];
    for (let process = 0; process < effort.processes; process++) {
      const databaseUrl = await bench.createDatabase();
      const server = await bench.startServer(databaseUrl, {
        HASH_QUEUE_MILLISECONDS: String(QUEUE_MILLISECONDS),
        ...LIMITED,
      });
      const emails = await makeAccounts(bench, databaseUrl, server);
      rounds.push(...(await measureProcess(server, emails, effort)));
      await server.stop();
    }
    return { scenario: SCENARIO, about: ABOUT, effort, servers: {}, measures: measuresOf(rounds) };
  });
}

async function measureProcess(server: Server, emails: readonly string[], effort: Effort): Promise<Round[]> {
  const token = await signIn(server.url);
  await measureRound(server, token, emails, 1);
  const rssBefore = await server.ask<number>('rss');
  const rounds: Round[] = [];
  for (let round = 0; round < effort.rounds; round++) {
    const measured = await measureRound(server, token, emails, effort.seconds);
    rounds.push({ ...measured, rssMegabytes: ((await server.ask<number>('rss')) - rssBefore) / 1e6 });
  }
  return rounds;
}

async function measureRound(
  server: Server,
  token: string,
  emails: readonly string[],
  seconds: number,
): Promise<Omit<Round, 'rssMegabytes'>> {
  const short = Math.min(seconds, SHORT_SECONDS);
  const idle = await askGuarded(server, token, short);
  const hashAlone = () =>
    watchThreads(server, () =>
      Promise.all([askGuarded(server, token, short), server.ask<number>('hashes', WARM_UP_SECONDS + short)]),
    );
  const {
    threads: threadsAlone,
    result: [hashing, hashesBefore],
  } = await hashAlone();
  const [, capacity] = await Promise.all([askGuarded(server, token, short), logInInTurn(server, emails, short)]);
  const {
    threads: threadsInStorm,
    result: [guarded, logins],
  } = await watchThreads(server, () =>
    Promise.all([
      askGuarded(server, token, seconds),
      logInAtOnce(server, emails, Math.ceil(hashesBefore * EXCESS), seconds),
    ]),
  );
  // Logins that are still queued end with their clients.
  await pause(200);
  const after = await hashAlone();
  // Before and after the storm, because the machine's speed changes within minutes.
  const hashesPerSecond = (hashesBefore + after.result[1]) / 2;
  return { idle, hashing, hashesPerSecond, capacity, storm: guarded, logins, threadsAlone, threadsInStorm };
}

/** Targets are upper bounds, so a figure that should be large is the denominator of a ratio. */
function measuresOf(rounds: readonly Round[]): Measure[] {
  const of = (name: string, unit: string, read: (round: Round) => number): Measure =>
    measure(
      SCENARIO,
      name,
      unit,
      rounds.map((round) => read(round)),
    );
  const lost = ({ idle, hashing, storm }: Round): number => idle.lost + hashing.lost + storm.lost;
  return [
    of('guarded p99, idle', 'ms', ({ idle }) => idle.p99Milliseconds),
    of('guarded p99, hashing alone', 'ms', ({ hashing }) => hashing.p99Milliseconds),
    of('guarded p99, in the storm', 'ms', ({ storm }) => storm.p99Milliseconds),
    of(
      'guarded p99 in the storm / larger of 15 ms and twice idle',
      'ratio',
      ({ idle, storm }) => storm.p99Milliseconds / Math.max(MIN_P99_MILLISECONDS, 2 * idle.p99Milliseconds),
    ),
    of('guarded requests lost', 'requests', lost),
    of('hashes alone', 'per s', ({ hashesPerSecond }) => hashesPerSecond),
    of('logins offered', 'per s', ({ logins }) => logins.offeredPerSecond),
    of('logins served', 'per s', ({ logins }) => logins.perSecond),
    of('logins of four clients in turn, none refused', 'per s', ({ capacity }) => capacity),
    of('hashes alone / logins served', 'ratio', ({ logins, hashesPerSecond }) => hashesPerSecond / logins.perSecond),
    of('logins in turn / logins served', 'ratio', ({ logins, capacity }) => capacity / logins.perSecond),
    of('CPU of the hashing thread per hash, alone', 'ms', (round) => round.threadsAlone.named / round.hashesPerSecond),
    of(
      'CPU of the hashing thread per login, in the storm',
      'ms',
      (round) => round.threadsInStorm.named / round.logins.perSecond,
    ),
    of(
      'CPU of the other threads per login, beyond the guarded load',
      'ms',
      ({ threadsInStorm, threadsAlone, logins }) => (threadsInStorm.others - threadsAlone.others) / logins.perSecond,
    ),
    of('logins neither served nor refused', 'logins', ({ logins }) => logins.failed),
    of('logins dropped after a wait', 'logins', ({ logins }) => logins.dropped),
    of('refused on arrival, p50', 'ms', ({ logins }) => logins.refusedP50Milliseconds),
    of('refused on arrival, p99', 'ms', ({ logins }) => logins.refusedP99Milliseconds),
    of('resident memory since the warm-up', 'MB', ({ rssMegabytes }) => rssMegabytes),
  ];
}
