import { guardedRoute, startGatehouse } from '../compared-servers.ts';
import { signIn, withBench, type Effort } from '../harness.ts';
import { measureServers } from '../measure-rounds.ts';
import { ratio, type Result } from '../results.ts';

/** Whether the signature algorithm affects the cost of a known token. */
export function algorithms(effort: Effort): Promise<Result> {
  const scenario = 'algorithms';
  return withBench(async (bench) => {
    const servers = await measureServers(effort, async () => {
      const managed = await bench.startServer(await bench.createDatabase(), { ACCESS_TOKEN_TTL_SECONDS: '3600' });
      return {
        HS256: await guardedRoute(await startGatehouse(bench)),
        ES256: await guardedRoute(managed, await signIn(managed.url)),
      };
    });
    const measures = [ratio(scenario, servers, ['ES256', 'HS256'])];
    return {
      scenario,
      about: 'the guarded route with managed keys and with a shared secret; one token',
      effort,
      servers,
      measures,
    };
  });
}
