import { checkGuard, startGatehouse } from '../compared-servers.ts';
import { withBench, type Effort } from '../harness.ts';
import { bearer, Load } from '../load-generator.ts';
import { measureServers } from '../measure-rounds.ts';
import { ratio, type Result } from '../results.ts';
import { forgeSignature, mintToken, viewOf } from '../tokens.ts';

/** The cost that the guard adds to a handler. */
export function guard(effort: Effort): Promise<Result> {
  const scenario = 'guard';
  return withBench(async (bench) => {
    const servers = await measureServers(effort, async () => {
      const server = await startGatehouse(bench);
      const token = mintToken();
      await checkGuard(`${server.url}/bench/guarded`, bearer(token), bearer(forgeSignature(token)), viewOf(token));
      const at = (route: string): Load => new Load(`${server.url}/bench/${route}`, [bearer(token)]);
      return { unguarded: { server, load: at('unguarded') }, guarded: { server, load: at('guarded') } };
    });
    const measures = [ratio(scenario, servers, ['guarded', 'unguarded'])];
    return { scenario, about: 'one handler with and without the guard; one HS256 token', effort, servers, measures };
  });
}
