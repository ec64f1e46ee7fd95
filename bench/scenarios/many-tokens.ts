import { startGatehouse } from '../compared-servers.ts';
import { withBench, type Effort, type Server } from '../harness.ts';
import { bearer, Load, openLoad } from '../load-generator.ts';
import { measureServers } from '../measure-rounds.ts';
import { measure, ratio, type Result } from '../results.ts';
import { mintTokens } from '../tokens.ts';

const TOKENS = 100_000;
const WARM_UP = 20_000;
/** Upper bound of the memory of half of the tokens. */
const HALF_CACHE_BYTES = (TOKENS / 2) * 1024;

const ONE = 'guarded, one token';
const ALL = 'guarded, 100,000 tokens';
const SMALL_CACHE = 'guarded, half of them fit';

/** The cost that the guard adds when each request has another token. */
export function manyTokens(effort: Effort): Promise<Result> {
  const scenario = 'many-tokens';
  return withBench(async (bench) => {
    const bytes: number[] = [];
    const servers = await measureServers(effort, async () => {
      const server = await startGatehouse(bench);
      const credentials = mintTokens(TOKENS).map(bearer);
      const unguarded = new Load(`${server.url}/bench/unguarded`, credentials);
      const all = new Load(`${server.url}/bench/guarded`, credentials);
      bytes.push(await heapPerToken(server, unguarded, all));
      const smallCache = await startGatehouse(bench, { TOKEN_CACHE_BYTES: String(HALF_CACHE_BYTES) });
      return {
        unguarded: { server, load: unguarded },
        [ONE]: { server, load: new Load(`${server.url}/bench/guarded`, credentials.slice(0, 1)) },
        [ALL]: { server, load: all },
        [SMALL_CACHE]: { server: smallCache, load: new Load(`${smallCache.url}/bench/guarded`, credentials) },
      };
    });
    const measures = [
      ratio(scenario, servers, [ALL, ONE]),
      ratio(scenario, servers, [ALL, 'unguarded']),
      ratio(scenario, servers, [SMALL_CACHE, ALL]),
      measure(scenario, 'heap bytes per live token', 'bytes', bytes),
    ];
    const about = 'one handler, for one token and for 100,000 live HS256 tokens in random order';
    return { scenario, about, effort, servers, measures };
  });
}

/**
 * Heap bytes per cached token, after unguarded traffic has warmed up everything else. Afterwards every
 * token is known to the server.
 */
async function heapPerToken(server: Server, unguarded: Load, guarded: Load): Promise<number> {
  await send(unguarded, WARM_UP);
  const before = await server.heap();
  await send(guarded, TOKENS);
  return Math.max(0, (await server.heap()) - before) / TOKENS;
}

async function send(load: Load, atLeast: number): Promise<void> {
  const opened = await openLoad(load);
  await opened.drive({ seconds: 0, atLeast });
  opened.close();
}
