import { randomBytes } from 'node:crypto';
import { ME } from '../compared-servers.ts';
import { quantile, signIn, withBench, type Effort, type Server } from '../harness.ts';
import { bearer, Load, openLoad } from '../load-generator.ts';
import type { Shares } from '../cpu-profiler.ts';
import { measure, type Result } from '../results.ts';
import { forgeSignature } from '../tokens.ts';

const FORGERIES = 10_000;

/** CPU time of a request by the owner of the code, under saturation: explains the ratios of the other scenarios. */
export function profile(effort: Effort): Promise<Result> {
  const scenario = 'profile';
  return withBench(async (bench) => {
    const databaseUrl = await bench.createDatabase();
    const environment = { ACCESS_TOKEN_TTL_SECONDS: '3600' };
    const minter = await bench.startServer(databaseUrl, environment);
    const processes: Record<string, Shares[]> = {};
    for (let process = 0; process < effort.processes; process++) {
      const server = await bench.startServer(databaseUrl, environment);
      for (const [name, shares] of Object.entries(await profileProcess(server, minter, effort))) {
        (processes[name] ??= []).push(shares);
      }
      await server.stop();
    }
    const measures = Object.entries(processes).flatMap(([name, each]) =>
      ownersOf(each).map((owner) =>
        measure(
          scenario,
          `${name}: ${owner}`,
          'µs',
          each.map((shares) => shares[owner] ?? 0),
        ),
      ),
    );
    const about =
      'microseconds of the main thread per request, by the owner of the code; saturated, with the profiler on';
    return { scenario, about, effort, servers: {}, measures };
  });
}

/** Medians over the rounds, by the kind of request. */
async function profileProcess(server: Server, minter: Server, effort: Effort): Promise<Record<string, Shares>> {
  const token = await signIn(server.url);
  const url = server.url + ME;
  const newTokenLoad = new Load(url, [], { once: true });
  const loads = {
    guarded: new Load(url, [bearer(token)]),
    'first sight': newTokenLoad,
    garbage: new Load(url, [bearer(randomBytes(token.length / 2).toString('hex'))], { status: 401 }),
    forgery: new Load(
      url,
      Array.from({ length: FORGERIES }, () => bearer(forgeSignature(token))),
      { status: 401 },
    ),
  };
  const rounds: Record<string, Shares[]> = {};
  // Round 0 is the warm-up.
  for (let round = 0; round <= effort.rounds; round++) {
    for (const [name, load] of Object.entries(loads)) {
      if (load === newTokenLoad) load.setCredentials((await mint(minter, effort)).map(bearer));
      const shares = await profileOne(server, load, effort.seconds);
      if (round > 0) (rounds[name] ??= []).push(shares);
    }
  }
  return Object.fromEntries(Object.entries(rounds).map(([name, each]) => [name, medianShares(each)]));
}

function medianShares(rounds: readonly Shares[]): Shares {
  const medianOf = (owner: string): number =>
    quantile(
      rounds.map((shares) => shares[owner] ?? 0),
      0.5,
    );
  return Object.fromEntries(ownersOf(rounds).map((owner) => [owner, medianOf(owner)]));
}

/** At least as many as one profile can use. */
function mint(minter: Server, { seconds, rate }: Effort): Promise<string[]> {
  return minter.ask<string[]>('mint', Math.ceil(seconds * rate * 5));
}

/** Microseconds per request. */
async function profileOne(server: Server, load: Load, seconds: number): Promise<Shares> {
  const opened = await openLoad(load);
  try {
    await server.ask('startProfile');
    const { answered } = await opened.drive({ seconds });
    const shares = await server.ask<Shares>('stopProfile');
    return Object.fromEntries(Object.entries(shares).map(([owner, time]) => [owner, time / answered]));
  } finally {
    opened.close();
  }
}

/** The largest first. */
function ownersOf(rounds: readonly Shares[]): string[] {
  const sums: Shares = {};
  for (const shares of rounds) for (const owner in shares) sums[owner] = (sums[owner] ?? 0) + (shares[owner] ?? 0);
  return Object.keys(sums).toSorted((one, other) => (sums[other] ?? 0) - (sums[one] ?? 0));
}
