import { guardedRoute, startPeer, startGatehouse } from '../compared-servers.ts';
import { withBench, type Effort } from '../harness.ts';
import { bearer, Load } from '../load-generator.ts';
import { measureServers } from '../measure-rounds.ts';
import { ratio, type Result } from '../results.ts';
import { mintToken } from '../tokens.ts';

/** The cost of a guarded route under Nest against raw Fastify and node:http. */
export function fastify(effort: Effort): Promise<Result> {
  const scenario = 'fastify';
  return withBench(async (bench) => {
    const server = await startGatehouse(bench);
    const servers = await measureServers(effort, {
      guarded: await guardedRoute(server),
      'Nest unguarded': { server, load: new Load(`${server.url}/bench/unguarded`, [bearer(mintToken())]) },
      'raw Fastify': await startPeer(bench, 'raw Fastify'),
      'raw node:http': await startPeer(bench, 'raw node:http'),
    });
    const measures = [
      ratio(scenario, servers, ['guarded', 'raw Fastify']),
      ratio(scenario, servers, ['Nest unguarded', 'raw Fastify']),
      ratio(scenario, servers, ['raw Fastify', 'raw node:http']),
    ];
    const about =
      'the guarded route over unguarded servers without Nest; the middle ratio is the tax of Nest and our headers';
    return { scenario, about, effort, servers, measures };
  });
}
