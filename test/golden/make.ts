/**
 * Fills an empty database through the HTTP API and the commands of an older version, and writes `golden.json` and
 * `dump.sql`: `node test/golden/make.ts CHECKOUT DATABASE_URL`. See README.md beside this file.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import type { Golden } from './golden.ts';

const [checkout = '', databaseUrl = ''] = process.argv.slice(2);
const base = resolve(checkout);
const MASTER_SECRET = 'gOlD3n0q9ZsM1tB7yR5uW2eA8nC4hJ6gLd-for-test';
const ISSUER = 'https://accounts.example.com';
const environment = {
  ...process.env,
  DATABASE_URL: databaseUrl,
  MASTER_SECRET,
  ISSUER,
  PORT: '0',
  TRUSTED_PROXIES: '127.0.0.1',
  // Allows a rotation one second after a key was created.
  KEY_PUBLISH_SECONDS: '1',
  ACCESS_TOKEN_TTL_SECONDS: '3600',
};
const SPECIAL_PASSWORD = 'Zoë "q" \\ back\'slash ☃ пароль';

/** The last failure locks the account for 64 s. */
const LOCKED_FAILURES = 16;

type Json = Record<string, unknown>;

function command(name: string, args: readonly string[], more: Record<string, string> = {}): string {
  const options = { cwd: base, env: { ...environment, ...more }, encoding: 'utf8' as const };
  return execFileSync(process.execPath, [`dist/${name}.js`, ...args], options);
}

async function start(more: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['dist/main.js'], {
    cwd: base,
    env: { ...environment, ...more },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.once('exit', () => child.kill());
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  let url: string | undefined;
  while ((url = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0]) === undefined) await pause(20);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  return { url, stop };
}

let url = '';

async function call(
  path: string,
  json: Json | undefined,
  { from = '192.0.2.1', token, expected = 200 }: { from?: string; token?: string; expected?: number } = {},
): Promise<Json> {
  const response = await fetch(`${url}${path}`, {
    method: json === undefined ? 'GET' : 'POST',
    headers: {
      'x-forwarded-for': from,
      'user-agent': 'golden/1 "quoted" \\ (;)',
      ...(json !== undefined && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });
  const text = await response.text();
  if (response.status !== expected) throw new Error(`${path} answered ${response.status}: ${text}`);
  return text === '' ? {} : (JSON.parse(text) as Json);
}

const register = async (email: string, password: string) => ({
  email,
  password,
  id: String((await call('/v1/auth/register', { email, password }, { expected: 201 }))['id']),
});

/** Starts a session and refreshes it this many times. */
async function session({ email, password }: { email: string; password: string }, refreshes = 0) {
  let answer = await call('/v1/auth/login', { email, password });
  const deviceToken = String(answer['deviceToken']);
  const accessTokens = [String(answer['access_token'])];
  const refreshTokens = [String(answer['refresh_token'])];
  for (let count = 0; count < refreshes; count++) {
    answer = await call('/v1/auth/refresh', { refresh_token: refreshTokens.at(-1) });
    accessTokens.push(String(answer['access_token']));
    refreshTokens.push(String(answer['refresh_token']));
  }
  const payload = Buffer.from(accessTokens[0]?.split('.')[1] ?? '', 'base64url').toString();
  const id = String((JSON.parse(payload) as Json)['sid']);
  return { id, email, accessTokens, refreshTokens, deviceToken };
}

const wrongLogin = (email: string, from: string, more: Json = {}, expected = 401) =>
  call('/v1/auth/login', { email, password: 'not the right passphrase', ...more }, { from, expected });

command('migrate-database', []);
let node = await start();
({ url } = node);

const users = {
  ada: await register('Ada@Example.com', 'correct horse battery'),
  special: await register("o'brien+tag/%_~@Example.COM", SPECIAL_PASSWORD),
  disabled: await register('disabled@example.com', 'the passphrase of the disabled'),
  locked: await register('locked@example.com', 'the passphrase of the locked'),
  changed: await register('changed@example.com', 'the passphrase of before'),
};
const removed = await register('removed@example.com', 'the passphrase of the removed');

const first = await session(users.ada);
await pause(1500);
command('manage-keys', ['rotate']);
await node.stop();
node = await start();
({ url } = node);
const byRevokedKey = await session(users.ada);
await pause(1500);
command('manage-keys', ['rotate']);
const revokedKid = String(
  (JSON.parse(Buffer.from(byRevokedKey.accessTokens[0]?.split('.')[0] ?? '', 'base64url').toString()) as Json)['kid'],
);
command('manage-keys', ['revoke', revokedKid]);
await node.stop();
const other = await start({ SIGNING_ALG: 'RS256' });
({ url } = other);
await pause(1500);
command('manage-keys', ['rotate'], { SIGNING_ALG: 'RS256' });
await other.stop();
const again = await start({ SIGNING_ALG: 'RS256' });
({ url } = again);
const byRsa = await session(users.ada);
await again.stop();
node = await start();
({ url } = node);

const ofLocked = await session(users.locked);
// Each further failure makes the next wait longer.
const locking = (async () => {
  for (let failures = 0; failures < LOCKED_FAILURES; failures++) {
    await pause(failures < 10 ? 0 : 2 ** (failures - 10) * 1000 + 100);
    await wrongLogin(users.locked.email, `198.51.100.${failures}`);
  }
})();

const refreshed = await session(users.ada, 3);
const reusable = await session(users.ada, 2);
const loggedOut = await session(users.ada, 1);
await fetch(`${url}/v1/auth/logout`, {
  method: 'POST',
  headers: { authorization: `Bearer ${loggedOut.accessTokens[1]}` },
});
const reused = await session(users.ada, 2);
await call('/v1/auth/refresh', { refresh_token: reused.refreshTokens[0] }, { expected: 401 });
const expired = await session(users.ada, 1);
const ofDisabled = await session(users.disabled, 1);
command('manage-users', ['disable', users.disabled.email]);
const ofSpecial = await session(users.special);
const beforeChange = await session(users.changed);
const changing = await session(users.changed);
const changedPassword = 'the passphrase of afterwards';
await call(
  '/v1/users/me/password',
  { currentPassword: users.changed.password, newPassword: changedPassword },
  { token: changing.accessTokens[0] ?? '', expected: 204 },
);
users.changed.password = changedPassword;
const ofRemoved = await session(removed);
command('manage-users', ['delete', removed.email]);

const KNOWN_DEVICE_FAILURES = 3;
for (let count = 0; count < KNOWN_DEVICE_FAILURES; count++) {
  await wrongLogin(users.ada.email, '192.0.2.1', { deviceToken: first.deviceToken });
}
await locking;
// Last, because limits refill with time.
const used = {
  registerAddress: { address: '2001:db8:12:34::1', neighbour: '2001:db8:12:34:ffff::2', count: 20 },
  addressAndAccount: { address: '203.0.113.77', email: users.special.email, count: 10 },
};
for (let count = 0; count < used.registerAddress.count; count++) {
  // Spread over accounts, since each account has its own limit.
  const { email, password } = [users.ada, users.special, users.disabled][count % 3] ?? users.ada;
  await call('/v1/auth/register', { email, password }, { from: used.registerAddress.address, expected: 409 });
}
await call(
  '/v1/auth/register',
  { email: users.locked.email, password: users.locked.password },
  { from: used.registerAddress.neighbour, expected: 429 },
);
for (let count = 0; count < used.addressAndAccount.count; count++) {
  await wrongLogin(used.addressAndAccount.email, used.addressAndAccount.address);
}
await wrongLogin(users.locked.email, '198.51.100.99', {}, 429);
const inGrace = await session(users.ada, 1);
await node.stop();

const client = new pg.Client({ connectionString: databaseUrl });
await client.connect();
// An expired session cannot be produced by requests.
await client.query(
  `UPDATE sessions SET created_at = created_at - interval '31 days', refreshed_at = refreshed_at - interval '15 days'
   WHERE id = $1`,
  [expired.id],
);
const { rows: clock } = await client.query<{ now: Date }>('SELECT now()');
const madeAt = clock[0]?.now ?? new Date();
const dump = execFileSync('pg_dump', ['--inserts', '--no-owner', '--no-privileges', '--no-comments', databaseUrl], {
  env: { ...process.env, PGTZ: 'UTC' },
  encoding: 'utf8',
});
const { rows: keys } = await client.query<{ kid: string; alg: string; state: string; private_key: Buffer | null }>(
  `SELECT kid, alg, private_key, CASE WHEN gone_at IS NOT NULL THEN 'gone' WHEN retired_at IS NOT NULL THEN 'retiring'
     WHEN activated_at IS NOT NULL THEN 'active' ELSE 'next' END AS state FROM signing_keys ORDER BY created_at, kid`,
);
await client.end();

type LimitKeys = { of(limit: string, ...whom: string[]): Buffer };
const load = (path: string): Promise<Json> => import(pathToFileURL(join(base, 'dist', path)).href) as Promise<Json>;
const { deriveKey } = (await load('tokens/derived-keys.js')) as {
  deriveKey: (secret: string, label: string) => Buffer;
};
const { openKey, sealKey } = (await load('tokens/sealed-key.js')) as {
  openKey: (secrets: string[], kid: string, sealed: Buffer) => Buffer;
  sealKey: (secrets: string[], kid: string, pkcs8: Buffer) => Buffer;
};
const { LimitKeys, clientOf } = (await load('limits/limit-keys.js')) as {
  LimitKeys: new (config: Json) => LimitKeys;
  clientOf: (address: string) => string;
};
const { RefreshTokens } = (await load('sessions/refresh-tokens.js')) as {
  RefreshTokens: new (config: Json) => { write(content: Json): string };
};
const { DeviceTokens } = (await load('limits/device-tokens.js')) as {
  DeviceTokens: new (config: Json) => { write(id: string): string };
};
const config = { masterSecret: [MASTER_SECRET] };
const limitKeys = new LimitKeys(config);
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const limitKey = (limit: string, ...whom: string[]) => ({
  limit,
  whom,
  key: limitKeys.of(limit, ...whom).toString('hex'),
});
const lower = (email: string): string => email.toLowerCase();
const pkcs8 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'der', type: 'pkcs8' });
const sid = '01a20950-7592-7038-ac48-abc225f0a9ab';

const golden: Golden = {
  commit: execFileSync('git', ['-C', base, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  madeAt: madeAt.toISOString(),
  masterSecret: MASTER_SECRET,
  issuer: ISSUER,
  users,
  sessions: {
    first,
    byRevokedKey,
    byRsa,
    refreshed,
    reusable,
    inGrace,
    loggedOut,
    reused,
    expired,
    ofDisabled,
    ofSpecial,
    ofLocked,
    beforeChange,
    changing,
    ofRemoved,
  },
  knownDeviceFailures: KNOWN_DEVICE_FAILURES,
  lockedFailures: LOCKED_FAILURES,
  used,
  keys: keys.map(({ kid, alg, state, private_key: sealed }) => ({
    kid,
    alg,
    state,
    pkcs8Sha256: sealed === null ? null : sha256(openKey([MASTER_SECRET], kid, sealed)),
  })),
  derivedKeys: Object.fromEntries(
    ['key-encryption', 'key-encryption name', 'refresh-token', 'device-token', 'limits'].map((label) => [
      label,
      deriveKey(MASTER_SECRET, label).toString('hex'),
    ]),
  ),
  sealed: {
    kid: 'a-kid',
    sealed: sealKey([MASTER_SECRET], 'a-kid', pkcs8).toString('hex'),
    pkcs8Sha256: sha256(pkcs8),
  },
  refreshToken: { sessionId: sid, counter: 7, text: new RefreshTokens(config).write({ sessionId: sid, counter: 7 }) },
  deviceToken: { id: sid, text: new DeviceTokens(config).write(sid) },
  limitKeys: [
    limitKey('account', lower(users.ada.email)),
    limitKey('account', lower(users.locked.email)),
    limitKey('address', clientOf(used.addressAndAccount.address)),
    limitKey('address', clientOf('::ffff:203.0.113.77')),
    limitKey('address-and-account', clientOf(used.addressAndAccount.address), lower(used.addressAndAccount.email)),
    limitKey('all', '0'),
    limitKey('all', '15'),
    limitKey('current-password', users.changed.id),
    limitKey('register-address', clientOf(used.registerAddress.address)),
    limitKey('register-account', lower(users.ada.email)),
    limitKey('refresh-address', clientOf('192.0.2.1')),
    limitKey('refresh-session', refreshed.id),
  ],
};
const here = import.meta.dirname;
writeFileSync(join(here, 'golden.json'), `${JSON.stringify(golden, undefined, 2)}\n`);
writeFileSync(join(here, 'dump.sql'), dump);
