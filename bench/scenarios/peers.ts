import { guardedRoute, startPeer, startGatehouse, type PeerName } from '../compared-servers.ts';
import { withBench, type Effort } from '../harness.ts';
import { measureServers, type ComparedServer } from '../measure-rounds.ts';
import { ratio, type Result } from '../results.ts';

const GUARDING: readonly PeerName[] = [
  'Fastify, hook and map',
  '@fastify/jwt, cache',
  '@fastify/jwt, no cache',
  'Express, express-jwt',
  'Hono, hono/jwt',
  'tutorial',
  'better-auth',
];

/** The guarded route against the alternatives. */
export const peers = (effort: Effort): Promise<Result> => comparePeers(GUARDING, effort);

/** The same against two of them, for a quick look. */
export const fewPeers = (effort: Effort): Promise<Result> => comparePeers(['@fastify/jwt, cache', 'tutorial'], effort);

function comparePeers(names: readonly PeerName[], effort: Effort): Promise<Result> {
  const scenario = 'peers';
  return withBench(async (bench) => {
    const servers = await measureServers(effort, async () => {
      const compared: Record<string, ComparedServer> = { guarded: await guardedRoute(await startGatehouse(bench)) };
      for (const name of names) compared[name] = await startPeer(bench, name);
      return compared;
    });
    const measures = names.map((name) => ratio(scenario, servers, ['guarded', name]));
    return { scenario, about: 'the guarded route over other guards; one HS256 token', effort, servers, measures };
  });
}
