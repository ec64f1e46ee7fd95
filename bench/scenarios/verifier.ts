import { startGatehouse } from '../compared-servers.ts';
import { signIn, withBench, type Effort } from '../harness.ts';
import { measure, type Result } from '../results.ts';
import { mintTokens } from '../tokens.ts';

const TOKENS = 10_000;

/** Scenario `gate`: the verifier of access tokens alone, in process, without HTTP. */
export function verifierAlone(effort: Effort): Promise<Result> {
  const scenario = 'gate';
  return withBench(async (bench) => {
    const shared = await startGatehouse(bench);
    const managed = await bench.startServer(await bench.createDatabase(), { ACCESS_TOKEN_TTL_SECONDS: '3600' });
    const sides = [
      { name: 'HS256, one token', server: shared, tokens: mintTokens(1), values: noValues() },
      { name: 'HS256, 10,000 tokens', server: shared, tokens: mintTokens(TOKENS), values: noValues() },
      { name: 'ES256, one token', server: managed, tokens: [await signIn(managed.url)], values: noValues() },
    ];
    for (const { server, tokens } of sides) await server.ask('gate', tokens);
    for (let round = 0; round < effort.rounds; round++) {
      for (const { server, tokens, values } of sides) {
        values.push(await server.ask<number>('gate', tokens));
      }
    }
    const measures = sides.map(({ name, values }) => measure(scenario, name, 'ns per call', values));
    return {
      scenario,
      about: 'the verifier alone, called over and over for a tenth of a second',
      effort,
      servers: {},
      measures,
    };
  });
}

const noValues = (): number[] => [];
