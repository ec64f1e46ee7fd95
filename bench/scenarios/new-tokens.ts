import type { webcrypto } from 'node:crypto';
import { checkGuard, ME } from '../compared-servers.ts';
import { withBench, type Effort } from '../harness.ts';
import { bearer, Load } from '../load-generator.ts';
import { measureServers } from '../measure-rounds.ts';
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
    const server = await bench.startServer(databaseUrl, environment);
    const [token = ''] = await minter.ask<string[]>('mint', 1);
    const peer = await bench.startPeer('jose', { jwk: await fetchPublicKey(server.url, token) });
    const loads = [server, peer].map(({ url }) => new Load(url + ME, [], { once: true }));
    const [guarded, jose] = loads as [Load, Load];
    for (const { url } of loads)
      await checkGuard(url.href, bearer(token), bearer(forgeSignature(token)), viewOf(token));
    // As many for the equal rate, and twice as many for saturation, which ends when they are spent.
    const count = Math.ceil(effort.rate * effort.seconds * 3);
    const mintAnew = async (): Promise<void> => {
      const credentials = (await minter.ask<string[]>('mint', count)).map(bearer);
      for (const load of loads) load.setCredentials(credentials);
    };
    const compared = { guarded: { server, load: guarded }, jose: { server: peer, load: jose } };
    const servers = await measureServers(effort, compared, mintAnew);
    const measures = [ratio(scenario, servers, ['guarded', 'jose'])];
    const about = 'ES256 tokens never seen before: the guarded route over jose in raw Fastify';
    return { scenario, about, effort, servers, measures };
  });
}

/** The published key that the token names. */
async function fetchPublicKey(url: string, token: string): Promise<webcrypto.JsonWebKey> {
  const { kid } = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string };
  const response = await fetch(`${url}/.well-known/jwks.json`);
  const { keys } = (await response.json()) as { keys: (webcrypto.JsonWebKey & { kid: string })[] };
  const key = keys.find((each) => each.kid === kid);
  if (key === undefined) throw new Error(`${kid} is not published`);
  return key;
}
