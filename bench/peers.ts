import { guarded, startPeer, startWithSecret, type PeerName } from './contestants.ts';
import { withBench, type Effort } from './harness.ts';
import { compete, type Contestant } from './match.ts';
import { ratio, type Result } from './results.ts';

const GUARDING: readonly PeerName[] = [
  'Fastify, hook and map',
  '@fastify/jwt, cache',
  '@fastify/jwt, no cache',
  'Express, express-jwt',
  'Hono, hono/jwt',
  'tutorial',
  'better-auth',
];

/** The guarded route against what one would use instead. */
export const peers = (effort: Effort): Promise<Result> => against(GUARDING, effort);

/** The same against two of them, for a look. */
export const fewPeers = (effort: Effort): Promise<Result> => against(['@fastify/jwt, cache', 'tutorial'], effort);

function against(names: readonly PeerName[], effort: Effort): Promise<Result> {
  const scenario = 'peers';
  return withBench(async (bench) => {
    const contestants: Record<string, Contestant> = { guarded: await guarded(await startWithSecret(bench)) };
    for (const name of names) contestants[name] = await startPeer(bench, name);
    const servers = await compete(effort, contestants);
    const measures = names.map((name) => ratio(scenario, servers, ['guarded', name]));
    return { scenario, about: 'the guarded route over other guards; one HS256 token', effort, servers, measures };
  });
}
