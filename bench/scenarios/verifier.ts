import { startGatehouse } from '../compared-servers.ts';
import { quantile, signIn, withBench, type Effort } from '../harness.ts';
import { measure, type Result } from '../results.ts';
import { mintTokens } from '../tokens.ts';

const TOKENS = 10_000;

/** Scenario `gate`: the verifier of access tokens alone, in process, without HTTP. */
export function verifierAlone(effort: Effort): Promise<Result> {
  const scenario = 'gate';
  return withBench(async (bench) => {
    const values: Record<string, number[]> = {};
    for (let process = 0; process < effort.processes; process++) {
      const shared = await startGatehouse(bench);
      const managed = await bench.startServer(await bench.createDatabase(), { ACCESS_TOKEN_TTL_SECONDS: '3600' });
      const sides = [
        { name: 'HS256, one token', server: shared, tokens: mintTokens(1) },
        { name: 'HS256, 10,000 tokens', server: shared, tokens: mintTokens(TOKENS) },
        { name: 'ES256, one token', server: managed, tokens: [await signIn(managed.url)] },
      ];
      for (const { name, server, tokens } of sides) {
        await server.ask('gate', tokens);
        const rounds: number[] = [];
        for (let round = 0; round < effort.rounds; round++) rounds.push(await server.ask<number>('gate', tokens));
        (values[name] ??= []).push(quantile(rounds, 0.5));
      }
      for (const server of [shared, managed]) await server.stop();
    }
    const measures = Object.entries(values).map(([name, each]) => measure(scenario, name, 'ns per call', each));
    return {
      scenario,
      about: 'the verifier alone, called over and over for a tenth of a second',
      effort,
      servers: {},
      measures,
    };
  });
}
