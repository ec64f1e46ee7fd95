import { generateKeyPairSync, randomUUID, sign, verify } from 'node:crypto';
import { guardedRoute, ME } from '../compared-servers.ts';
import { quantile, signIn, withBench, type Bench, type Effort } from '../harness.ts';
import { bearer, Load, type Credential } from '../load-generator.ts';
import { measureServers, type ComparedServers } from '../measure-rounds.ts';
import { computed, measure, ratio, type Result } from '../results.ts';
import { forgeSignature } from '../tokens.ts';

const SCENARIO = 'refusals';
const FORGERIES = 10_000;
/** About what is signed of an access token. */
const SIGNED_BYTES = 440;
/** Refused without a signature check. */
const CHEAP = ['401 without a token', '401 for garbage', '401 for an unknown key', '401 for a revoked token'] as const;
const FORGERY = '401 for a forgery';

/** The cost of refusing what needs no signature check, and of refusing a token with a forged signature. */
export function refusals(effort: Effort): Promise<Result> {
  return withBench(async (bench) => {
    const checks: number[] = [];
    const servers = await measureServers(
      effort,
      () => startServer(bench),
      async () => void checks.push(signatureCheck()),
    );
    const check = quantile(checks, 0.5);
    const measures = [
      ...CHEAP.map((name) => ratio(SCENARIO, servers, [name, '200'])),
      ratio(SCENARIO, servers, [FORGERY, '200']),
      measure(SCENARIO, 'signature check alone', 'µs', checks),
      computed(SCENARIO, servers, {
        name: 'forgery / (signature check + 1.2 × garbage)',
        unit: 'ratio',
        of: [FORGERY, '401 for garbage'],
        compute: (forgery, garbage) => forgery / (check + 1.2 * garbage),
      }),
      computed(SCENARIO, servers, {
        name: 'forgery beyond garbage / signature check',
        unit: 'ratio',
        of: [FORGERY, '401 for garbage'],
        compute: (forgery, garbage) => (forgery - garbage) / check,
      }),
    ];
    const about = 'ES256; 401 against 200, with a different forgery each time';
    return { scenario: SCENARIO, about, effort, servers, measures };
  });
}

async function startServer(bench: Bench): Promise<ComparedServers> {
  const server = await bench.startServer(await bench.createDatabase(), { ACCESS_TOKEN_TTL_SECONDS: '3600' });
  const token = await signIn(server.url);
  const refused = (...credentials: readonly Credential[]) => ({
    server,
    load: new Load(server.url + ME, credentials, { status: 401 }),
  });
  return {
    '200': await guardedRoute(server, token),
    '401 without a token': refused(['cookie', 'theme=dark']),
    '401 for garbage': refused(bearer('g'.repeat(token.length))),
    '401 for an unknown key': refused(bearer(withUnknownKey(token))),
    '401 for a revoked token': refused(bearer(await revokedToken(server.url))),
    [FORGERY]: refused(...Array.from({ length: FORGERIES }, () => bearer(forgeSignature(token)))),
  };
}

function withUnknownKey(token: string): string {
  const [header = '', ...rest] = token.split('.');
  const members = JSON.parse(Buffer.from(header, 'base64url').toString()) as object;
  return [Buffer.from(JSON.stringify({ ...members, kid: randomUUID() })).toString('base64url'), ...rest].join('.');
}

/** The token of a session that has logged out, once it has been accepted. */
async function revokedToken(url: string): Promise<string> {
  const token = await signIn(url);
  const headers = { authorization: `Bearer ${token}` };
  const { ok } = await fetch(url + ME, { headers });
  const { status } = await fetch(`${url}/v1/auth/logout`, { method: 'POST', headers });
  if (!ok || status !== 204) throw new Error(`the logout answered ${status}`);
  return token;
}

/** CPU microseconds of node:crypto for one ES256 check of as long a text as a token, its key prepared. */
function signatureCheck(): number {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const data = Buffer.alloc(SIGNED_BYTES, 'a');
  const signature = sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const times = 2000;
  const before = process.cpuUsage();
  for (let time = 0; time < times; time++)
    verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / times;
}
