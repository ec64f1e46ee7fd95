import { randomBytes } from 'node:crypto';
import { withBench, type Bench, type Effort, type Environment, type Server } from '../harness.ts';
import { LIMITED } from '../login-load.ts';
import { measureServers, type ComparedServer, type ComparedServers } from '../measure-rounds.ts';
import { makeSessions, RefreshLoad } from '../refresh-load.ts';
import { measure, ratio, type Measure, type Measured, type Result } from '../results.ts';
import { JWT_SECRET } from '../tokens.ts';

const SCENARIO = 'refresh';
const ABOUT = 'POST /v1/auth/refresh against the same statement by pg, behind raw Fastify, with the same signing';

const OURS = { HS256: 'Gatehouse, HS256', ES256: 'Gatehouse, ES256' };
const ALONE = { HS256: 'pg alone, HS256', ES256: 'pg alone, ES256' };
const DEFAULTS = 'Gatehouse, ES256, limits and log';
const ALGORITHMS = ['HS256', 'ES256'] as const;

/** What a refresh costs beyond its statement, its signature and the route. */
export function refresh(effort: Effort): Promise<Result> {
  return withBench(async (bench) => {
    const servers = await measureServers(effort, () => startServers(bench));
    return { scenario: SCENARIO, about: ABOUT, effort, servers, measures: measuresOf(servers) };
  });
}

async function startServers(bench: Bench): Promise<ComparedServers> {
  const databaseUrl = await bench.createDatabase();
  const MASTER_SECRET = randomBytes(32).toString('base64url');
  const compared: Record<string, ComparedServer> = {};
  const add = async (name: string, environment: Environment, start: (all: Environment) => Promise<Server>) => {
    const all = { MASTER_SECRET, RATE_LIMITS: 'off', ...environment, DATABASE_URL: databaseUrl };
    const server = await start(all);
    compared[name] = { server, load: new RefreshLoad(server.url, await makeSessions(bench, databaseUrl, all)) };
  };
  const ours = (all: Environment): Promise<Server> => bench.startServer(databaseUrl, all, '/dev/null');
  for (const algorithm of ALGORITHMS) {
    const environment = algorithm === 'HS256' ? { JWT_SECRET } : {};
    await add(OURS[algorithm], environment, ours);
    await add(ALONE[algorithm], environment, (all) => bench.startPeer('refresh-by-pg', {}, JSON.stringify(all)));
  }
  await add(DEFAULTS, { ...LIMITED, LOG_LEVEL: 'info' }, ours);
  return compared;
}

/** Targets are upper bounds, so what should be large is the denominator. */
function measuresOf(servers: Readonly<Record<string, Measured>>): Measure[] {
  const perSecond = (name: string): readonly number[] => servers[name]?.requestsPerSecond ?? [];
  return [
    ...ALGORITHMS.map((algorithm) => ratio(SCENARIO, servers, [OURS[algorithm], ALONE[algorithm]])),
    ratio(SCENARIO, servers, [DEFAULTS, ALONE.ES256]),
    ...ALGORITHMS.map((algorithm) =>
      measure(
        SCENARIO,
        `refreshes per s, ${ALONE[algorithm]} / ${OURS[algorithm]}`,
        'ratio',
        perSecond(ALONE[algorithm]).map((each, process) => each / (perSecond(OURS[algorithm])[process] ?? Number.NaN)),
      ),
    ),
  ];
}
