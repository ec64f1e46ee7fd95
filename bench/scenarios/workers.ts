import { ME } from '../compared-servers.ts';
import { withBench, type Bench, type Effort, type MeasuredServer, type ProductNode } from '../harness.ts';
import type { Connection } from '../http-connection.ts';
import { askOnce, bearer, Load, openConnections, openLoad, type Placement } from '../load-generator.ts';
import { makeAccounts, PASSWORD } from '../login-load.ts';
import { measureServers } from '../measure-rounds.ts';
import { measure, ratio, type Measure, type Measured, type Result } from '../results.ts';
import { quantile, shuffled } from '../statistics.ts';
import { JWT_SECRET, mintTokens } from '../tokens.ts';
import { allAtOne, evenly } from '../worker-placement.ts';

const SCENARIO = 'workers';
const ABOUT =
  'WORKERS=2 against WORKERS=1, which is a process without cluster; on both cores, which the generator and PostgreSQL share';
const TOKENS = 100_000;
const WARM_UP = 20_000;
/** More than hash at once, and fewer than would be refused. */
const LOGIN_CONNECTIONS = 8;
const LOGIN_SECONDS_PER_ROUND = 3;

const ONE = 'one process';
const TWO = 'two workers';
const AT_ONE = 'two workers, all connections at one';
const ONE_MANY = 'one process, 100,000 tokens';
const TWO_MANY = 'two workers, 100,000 tokens';
const LOGIN_ROWS = [ONE, TWO, AT_ONE] as const;
type LoginRow = (typeof LOGIN_ROWS)[number];
/** One value for each process. */
type Values<Row extends string> = Readonly<Record<Row, number[]>>;

/** What several processes cost and bring: guarded requests, memory and CPU of many tokens, and logins. */
export function workers(effort: Effort): Promise<Result> {
  return withBench(async (bench) => {
    const memory: Values<typeof ONE | typeof TWO> = { [ONE]: [], [TWO]: [] };
    const logins: Values<LoginRow> = { [ONE]: [], [TWO]: [], [AT_ONE]: [] };
    for (let process = 0; process < effort.processes; process++) await measureLogins(bench, effort, logins);
    const servers = await measureServers(effort, async () => {
      const [one, two] = await startNodes(bench, await bench.createDatabase());
      const credentials = mintTokens(TOKENS).map(bearer);
      const load = (node: MeasuredServer, tokens: number): Load =>
        new Load(node.url + ME, credentials.slice(0, tokens));
      memory[ONE].push(await megabytesOfTokens(one, load(one, TOKENS), [allAtOne(one)]));
      memory[TWO].push(await megabytesOfTokens(two, load(two, TOKENS), [allAtOne(two, 0), allAtOne(two, 1)]));
      return {
        [ONE]: { server: one, load: load(one, 1) },
        [TWO]: { server: two, load: load(two, 1) },
        [AT_ONE]: { server: { ...two, placement: allAtOne(two) }, load: load(two, 1) },
        [ONE_MANY]: { server: one, load: load(one, TOKENS) },
        [TWO_MANY]: { server: two, load: load(two, TOKENS) },
      };
    });
    return { scenario: SCENARIO, about: ABOUT, effort, servers, measures: measuresOf(servers, memory, logins) };
  });
}

/** One process, and two workers with evenly spread connections. */
async function startNodes(bench: Bench, databaseUrl: string): Promise<[one: ProductNode, two: ProductNode]> {
  const start = (count: number): Promise<ProductNode> =>
    bench.startNode(databaseUrl, { environment: { JWT_SECRET, WORKERS: String(count) }, cores: '0,1' });
  const [one, two] = [await start(1), await start(2)];
  return [one, { ...two, placement: evenly(two) }];
}

/** What all tokens add to the memory of all processes, once each has seen each token. */
async function megabytesOfTokens(node: ProductNode, load: Load, placements: readonly Placement[]): Promise<number> {
  const other = new Load(load.url.href, mintTokens(1).map(bearer));
  for (const placement of placements) await send(other, WARM_UP, placement);
  const before = node.residentBytes();
  for (const placement of placements) await send(load, TOKENS, placement);
  return (node.residentBytes() - before) / 1e6;
}

async function send(load: Load, atLeast: number, placement: Placement): Promise<void> {
  const opened = await openLoad(load, placement);
  await opened.drive({ seconds: 0, atLeast });
  opened.close();
}

/** Adds the logins per second of the rows, each the median of its rounds. */
async function measureLogins(bench: Bench, { rounds, seconds }: Effort, logins: Values<LoginRow>): Promise<void> {
  const databaseUrl = await bench.createDatabase();
  const [one, two] = await startNodes(bench, databaseUrl);
  const emails = await makeAccounts(bench, databaseUrl, one);
  const nodes: Readonly<Record<LoginRow, MeasuredServer>> = {
    [ONE]: one,
    [TWO]: two,
    [AT_ONE]: { ...two, placement: allAtOne(two) },
  };
  const perSecond: Values<LoginRow> = { [ONE]: [], [TWO]: [], [AT_ONE]: [] };
  // Round 0 is the warm-up.
  for (let round = 0; round <= rounds; round++) {
    for (const row of shuffled(LOGIN_ROWS)) {
      const measured = await loginsPerSecond(nodes[row], emails, seconds * LOGIN_SECONDS_PER_ROUND);
      if (round > 0) perSecond[row].push(measured);
    }
  }
  for (const row of LOGIN_ROWS) logins[row].push(quantile(perSecond[row], 0.5));
  await Promise.all([one.stop(), two.stop()]);
}

/** Logins of clients that each wait for their answer. */
async function loginsPerSecond(node: MeasuredServer, emails: readonly string[], seconds: number): Promise<number> {
  const failed = Promise.withResolvers<never>();
  const url = new URL('/v1/auth/login', node.url);
  let sent = 0;
  const next = (): Buffer => loginRequest(url, emails[sent++ % emails.length] ?? '');
  const live = Buffer.from(`GET /health/live HTTP/1.1\r\nhost: ${url.host}\r\n\r\n`);
  const connections = await openConnections(url, LOGIN_CONNECTIONS, failed.reject, node.placement, () => live);
  const startedAt = performance.now();
  const elapsed = (): number => (performance.now() - startedAt) / 1000;
  let served = 0;
  const logIn = async (connection: Connection): Promise<void> => {
    while (elapsed() < seconds) {
      const status = await askOnce(connection, next());
      if (status !== 200) throw new Error(`A login was answered ${status}`);
      served++;
    }
  };
  await Promise.race([Promise.all(connections.map((connection) => logIn(connection))), failed.promise]);
  const perSecond = served / elapsed();
  for (const connection of connections) connection.close();
  return perSecond;
}

function loginRequest({ pathname, host }: URL, email: string): Buffer {
  const body = JSON.stringify({ email, password: PASSWORD });
  const head = `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json`;
  return Buffer.from(`${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

function quotients(values: readonly number[], others: readonly number[]): number[] {
  return values.map((value, process) => value / (others[process] ?? Number.NaN));
}

/** Targets are upper bounds, so a figure that should be large is the denominator of a ratio. */
function measuresOf(
  servers: Readonly<Record<string, Measured>>,
  memory: Values<typeof ONE | typeof TWO>,
  logins: Values<LoginRow>,
): Measure[] {
  const saturated = (row: string): readonly number[] => servers[row]?.saturatedCpuMicroseconds ?? [];
  const of = (name: string, unit: string, values: readonly number[]): Measure => measure(SCENARIO, name, unit, values);
  return [
    of('CPU per request, two workers / one process, saturated', 'ratio', quotients(saturated(TWO), saturated(ONE))),
    ratio(SCENARIO, servers, [AT_ONE, ONE]),
    ratio(SCENARIO, servers, [ONE_MANY, ONE]),
    ratio(SCENARIO, servers, [TWO_MANY, TWO]),
    of('memory of 100,000 tokens, one process', 'MB', memory[ONE]),
    of('memory of 100,000 tokens, two workers', 'MB', memory[TWO]),
    of('logins of one process', 'per s', logins[ONE]),
    of('logins of two workers', 'per s', logins[TWO]),
    of('logins of two workers, all connections at one', 'per s', logins[AT_ONE]),
    of('logins of one process / of two workers', 'ratio', quotients(logins[ONE], logins[TWO])),
    of('logins of two workers / with all connections at one', 'ratio', quotients(logins[TWO], logins[AT_ONE])),
  ];
}
