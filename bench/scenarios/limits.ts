import { quantile, withBench, type Bench, type Effort, type Server } from '../harness.ts';
import { LIMITED, logInInTurn, makeAccounts, watchThreads } from '../login-load.ts';
import { measure, type Measure, type Result } from '../results.ts';
import { shuffled } from '../statistics.ts';

const SCENARIO = 'limits';
const MODES = ['on', 'off'] as const;
type Mode = (typeof MODES)[number];

/** The cost that rate limits, which count in the database before the hash, add to a login. */
export function limits(effort: Effort): Promise<Result> {
  return withBench(async (bench) => {
    const costs: Record<Mode, number[]> = { on: [], off: [] };
    for (let process = 0; process < effort.processes; process++) {
      const { on, off } = await costsOfProcesses(bench, effort);
      costs.on.push(on);
      costs.off.push(off);
    }
    return {
      scenario: SCENARIO,
      about: 'right passwords of four clients in turn; CPU of all threads but the hashing one, RATE_LIMITS on and off',
      effort,
      servers: {},
      measures: measuresOf(costs),
    };
  });
}

/** Medians over the rounds. */
async function costsOfProcesses(bench: Bench, { rounds, seconds }: Effort): Promise<Record<Mode, number>> {
  const databaseUrl = await bench.createDatabase();
  const servers = new Map<Mode, Server>();
  for (const mode of MODES) servers.set(mode, await bench.startServer(databaseUrl, { ...LIMITED, RATE_LIMITS: mode }));
  const emails = await makeAccounts(bench, databaseUrl, servers.get('on') as Server);
  const costs: Record<Mode, number[]> = { on: [], off: [] };
  // Round 0 is the warm-up.
  for (let round = 0; round <= rounds; round++) {
    for (const [mode, server] of shuffled([...servers])) {
      const cost = await millisecondsPerLogin(server, emails, seconds);
      if (round > 0) costs[mode].push(cost);
    }
  }
  for (const server of servers.values()) await server.stop();
  return { on: quantile(costs.on, 0.5), off: quantile(costs.off, 0.5) };
}

async function millisecondsPerLogin(server: Server, emails: readonly string[], seconds: number): Promise<number> {
  const { threads, result: perSecond } = await watchThreads(server, () => logInInTurn(server, emails, seconds));
  return threads.others / perSecond;
}

function measuresOf({ on, off }: Readonly<Record<Mode, readonly number[]>>): Measure[] {
  const over = on.map((cost, round) => cost / (off[round] ?? 0));
  return [
    measure(SCENARIO, 'on / off', 'ratio', over),
    measure(SCENARIO, 'CPU per login, on', 'ms', on),
    measure(SCENARIO, 'CPU per login, off', 'ms', off),
  ];
}
