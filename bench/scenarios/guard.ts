import { checkGuard, startGatehouse } from '../compared-servers.ts';
import { withBench, type Effort } from '../harness.ts';
import { bearer, Load } from '../load-generator.ts';
import { measureServers } from '../measure-rounds.ts';
import { ratio, type Result } from '../results.ts';
import { forgeSignature, mintToken, viewOf } from '../tokens.ts';

/** As a token of version 1 names them. */
const ROLES = { rv: 1, roles: ['admin', 'editor'] };

/** The cost that the guard adds to a handler, and that roles add to the guard. */
export function guard(effort: Effort): Promise<Result> {
  const scenario = 'guard';
  return withBench(async (bench) => {
    const servers = await measureServers(effort, async () => {
      const server = await startGatehouse(bench);
      const [token, withRoles] = [mintToken(), mintToken(ROLES)];
      const at = (route: string, sent: string): Load => new Load(`${server.url}/bench/${route}`, [bearer(sent)]);
      const guardedAt = async (route: string, sent: string): Promise<Load> => {
        const url = `${server.url}/bench/${route}`;
        await checkGuard(url, bearer(sent), bearer(forgeSignature(sent)), viewOf(sent));
        return at(route, sent);
      };
      return {
        unguarded: { server, load: at('unguarded', token) },
        guarded: { server, load: await guardedAt('guarded', token) },
        'guarded, a role': { server, load: await guardedAt('admin', withRoles) },
      };
    });
    const measures = [
      ratio(scenario, servers, ['guarded', 'unguarded']),
      ratio(scenario, servers, ['guarded, a role', 'guarded']),
    ];
    const about =
      'one handler without the guard, with it, and with @Roles(); one HS256 token, which then has two roles';
    return { scenario, about, effort, servers, measures };
  });
}
