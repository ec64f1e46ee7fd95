import type { webcrypto } from 'node:crypto';
import { checkGuard, ME } from '../compared-servers.ts';
import { withBench, type Effort } from '../harness.ts';
import { bearer, Load } from '../load-generator.ts';
import { measureServers, type ComparedServers } from '../measure-rounds.ts';
import { ratio, type Result } from '../results.ts';
import { forgeSignature, viewOf } from '../tokens.ts';

/**
 * Scenario `first-sight`: the cost of a token's first verification. Another node issues the tokens, so
 * that they are new to this one.
 */
export function newTokens(effort: Effort): Promise<Result> {
  const scenario = 'first-sight';
  return withBench(async (bench) => {
    const databaseUrl = await bench.createDatabase();
    const environment = { ACCESS_TOKEN_TTL_SECONDS: '3600' };
    const minter = await bench.startServer(databaseUrl, environment);
    const start = async (): Promise<ComparedServers> => {
      const [token = ''] = await minter.ask<string[]>('mint', 1);
      const server = await bench.startServer(databaseUrl, environment);
      const peer = await bench.startPeer('jose', { jwk: await fetchPublicKey(server.url, token) });
      for (const { url } of [server, peer])
        await checkGuard(url + ME, bearer(token), bearer(forgeSignature(token)), viewOf(token));
      return {
        guarded: { server, load: unused(server.url) },
        jose: { server: peer, load: unused(peer.url) },
      };
    };
    // As many for the equal rate, and twice as many for saturation, which ends when they are spent.
    const count = Math.ceil(effort.rate * effort.seconds * 3);
    const mintAnew = async (compared: ComparedServers): Promise<void> => {
      const credentials = (await minter.ask<string[]>('mint', count)).map(bearer);
      for (const { load } of Object.values(compared)) if (load instanceof Load) load.setCredentials(credentials);
    };
    const servers = await measureServers(effort, start, mintAnew);
    const measures = [ratio(scenario, servers, ['guarded', 'jose'])];
    const about = 'ES256 tokens never seen before: the guarded route over jose in raw Fastify';
    return { scenario, about, effort, servers, measures };
  });
}

/** Its credentials come before each round. */
const unused = (url: string): Load => new Load(url + ME, [], { once: true });

/** The published key that the token names. */
async function fetchPublicKey(url: string, token: string): Promise<webcrypto.JsonWebKey> {
  const { kid } = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string };
  const response = await fetch(`${url}/.well-known/jwks.json`);
  const { keys } = (await response.json()) as { keys: (webcrypto.JsonWebKey & { kid: string })[] };
  const key = keys.find((each) => each.kid === kid);
  if (key === undefined) throw new Error(`${kid} is not published`);
  return key;
}
