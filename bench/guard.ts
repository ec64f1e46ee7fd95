import { checkGuard, startWithSecret } from './contestants.ts';
import { withBench, type Effort } from './harness.ts';
import { bearer, Load } from './load.ts';
import { compete } from './match.ts';
import { ratio, type Result } from './results.ts';
import { forge, mintToken, viewOf } from './tokens.ts';

/** What the guard adds to one and the same handler. */
export function guard(effort: Effort): Promise<Result> {
  const scenario = 'guard';
  return withBench(async (bench) => {
    const server = await startWithSecret(bench);
    const token = mintToken();
    await checkGuard(`${server.url}/bench/guarded`, bearer(token), bearer(forge(token)), viewOf(token));
    const at = (route: string): Load => new Load(`${server.url}/bench/${route}`, [bearer(token)]);
    const servers = await compete(effort, {
      unguarded: { server, load: at('unguarded') },
      guarded: { server, load: at('guarded') },
    });
    const measures = [ratio(scenario, servers, ['guarded', 'unguarded'])];
    return { scenario, about: 'one handler with and without the guard; one HS256 token', effort, servers, measures };
  });
}
