import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { guardedRoute, ME } from '../compared-servers.ts';
import { signIn, withBench, type Effort } from '../harness.ts';
import { bearer, Load } from '../load-generator.ts';
import { measureServers } from '../measure-rounds.ts';
import { measure, ratio, type Result } from '../results.ts';
import { forgeSignature } from '../tokens.ts';

const FORGERIES = 10_000;

/** The cost of refusing garbage, and of refusing a token with a forged signature. */
export function refusals(effort: Effort): Promise<Result> {
  const scenario = 'refusals';
  return withBench(async (bench) => {
    const server = await bench.startServer(await bench.createDatabase(), { ACCESS_TOKEN_TTL_SECONDS: '3600' });
    const token = await signIn(server.url);
    const forgeries = Array.from({ length: FORGERIES }, () => bearer(forgeSignature(token)));
    const garbage = bearer('g'.repeat(token.length));
    const checks: number[] = [];
    const compared = {
      '200': await guardedRoute(server, token),
      '401 for garbage': { server, load: new Load(server.url + ME, [garbage], { status: 401 }) },
      '401 for a forgery': { server, load: new Load(server.url + ME, forgeries, { status: 401 }) },
    };
    const servers = await measureServers(effort, compared, async () => void checks.push(signatureCheck(token)));
    // The first value is from before the warm-up.
    checks.shift();
    const cpu = (name: keyof typeof compared): number[] => servers[name]?.cpuMicroseconds ?? [];
    const beyond = cpu('401 for a forgery').map((each, round) => each - (cpu('401 for garbage')[round] ?? 0));
    const measures = [
      ratio(scenario, servers, ['401 for garbage', '200']),
      ratio(scenario, servers, ['401 for a forgery', '200']),
      measure(scenario, 'signature check alone', 'µs', checks),
      measure(
        scenario,
        'forgery beyond garbage / signature check',
        'ratio',
        beyond.map((each, round) => each / (checks[round] ?? 0)),
      ),
    ];
    return {
      scenario,
      about: 'ES256; 401 against 200, with a different forgery each time',
      effort,
      servers,
      measures,
    };
  });
}

/** CPU microseconds of node:crypto for one ES256 check of as long a token, its key prepared. */
function signatureCheck(token: string): number {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const data = Buffer.from(token.slice(0, token.lastIndexOf('.')));
  const signature = sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const times = 2000;
  const before = process.cpuUsage();
  for (let time = 0; time < times; time++)
    verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / times;
}
