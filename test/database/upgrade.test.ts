import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Config } from '../../src/config/config.js';
import { ensureMigrated } from '../../dist/database/run-migrations.js';
import { DeviceTokens } from '../../src/rate-limits/device-tokens.js';
import { clientOf, LimitKeys } from '../../src/rate-limits/limit-keys.js';
import { RefreshTokenCodec } from '../../src/sessions/refresh-token-codec.js';
import { deriveKey } from '../../src/secrets/derived-keys.js';
import { decryptPrivateKey } from '../../src/secrets/private-key-encryption.js';
import { afterAllTests, query, startApp, testConfig, type TestApp } from '../support/app.js';
import { Client, tokensOf } from '../support/client.js';
import { golden } from '../golden/golden.js';
import { guardKey, setFailures } from '../support/rate-limit-states.js';
import { createGoldenDatabase, createOldDataDirectory, outputLinesOf, postmasterOf } from '../support/old-version.js';
import { waitForExit, waitForUrl, startMain, startNode } from '../support/processes.js';

const { masterSecret, issuer, users, sessions, used } = golden;
const config = { masterSecret: [masterSecret] } as unknown as Config;
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const credentials = ({ email, password }: { readonly email: string; readonly password: string }) => ({
  email,
  password,
});

/** The number of rows of each table. */
async function rowCounts(databaseUrl: string, schema = 'public'): Promise<Record<string, number>> {
  const names = await query<{ name: string }>(
    databaseUrl,
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = $1 ORDER BY 1`,
    [schema],
  );
  const counts = names.map(async ({ name }): Promise<[string, number]> => {
    const [row] = await query<{ count: number }>(databaseUrl, `SELECT count(*)::int FROM "${schema}"."${name}"`);
    return [name, row?.count ?? 0];
  });
  return Object.fromEntries(await Promise.all(counts));
}

describe('with the master secret of 0.1.0', () => {
  it.each(Object.entries(golden.derivedKeys))('the key for "%s" is derived as in 0.1.0', (label, key) => {
    expect(deriveKey(masterSecret, label).toString('hex')).toBe(key);
  });

  it.each(golden.limitKeys)('$limit of $whom is counted under the same key', ({ limit, whom, key }) => {
    expect(new LimitKeys(config).keyFor(limit, ...whom).toString('hex')).toBe(key);
  });

  it('an address is mapped to the same client', () => {
    const [address, mapped] = golden.limitKeys.filter(({ limit }) => limit === 'address').map(({ whom }) => whom[0]);
    expect([clientOf(used.addressAndAccount.address), clientOf('::ffff:203.0.113.77')]).toEqual([address, mapped]);
    const network = golden.limitKeys.find(({ limit }) => limit === 'register-address')?.whom[0];
    expect(clientOf(used.registerAddress.address)).toBe(network);
    expect(clientOf(used.registerAddress.neighbour)).toBe(network);
  });

  it('a sealed key can be opened', () => {
    const { kid, sealed, pkcs8Sha256 } = golden.sealed;
    expect(sha256(decryptPrivateKey([masterSecret], kid, Buffer.from(sealed, 'hex')))).toBe(pkcs8Sha256);
  });

  it('refresh tokens and device tokens can be decoded', () => {
    const { text, ...content } = golden.refreshToken;
    expect(new RefreshTokenCodec(config).decodeRefreshToken(text)).toEqual(content);
    expect(new DeviceTokens(config).decodeDeviceToken(golden.deviceToken.text)).toBe(golden.deviceToken.id);
  });
});

const kidOf = (token: string): string =>
  (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid;
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const last = (texts: readonly string[]): string => texts.at(-1) ?? '';

describe('a database of 0.1.0', () => {
  let app: TestApp;
  let rowsBefore: Record<string, number>;
  const onFinished = afterAllTests();

  beforeAll(async () => {
    const databaseUrl = await createGoldenDatabase(onFinished);
    rowsBefore = await rowCounts(databaseUrl);
    await ensureMigrated(testConfig(databaseUrl), { migrate: true });
    const changes: Partial<Config> = {
      masterSecret: [masterSecret],
      issuer,
      audience: issuer,
      rateLimits: 'on',
      trustedProxies: ['127.0.0.1'],
      refreshGraceSeconds: 60,
    };
    app = await startApp({ databaseUrl, changes }, onFinished);
  });

  const post = (path: string, json: unknown, address: string) =>
    app.call('POST', path, { json, headers: { 'x-forwarded-for': address } });

  const resetFailures = (email: string) =>
    app.query('DELETE FROM account_guards WHERE key = $1', [guardKey(app, email)]);

  const fullAt = async (limit: string): Promise<number[]> => {
    const keys = golden.limitKeys.filter((known) => known.limit === limit).map(({ key }) => Buffer.from(key, 'hex'));
    const rows = await app.query<{ seconds: number }>(
      'SELECT extract(epoch FROM full_at)::float8 AS seconds FROM rate_limits WHERE key = ANY($1) ORDER BY key',
      [keys],
    );
    return rows.map(({ seconds }) => seconds);
  };

  it('loses no row in the migrations', async () => {
    const { _prisma_migrations: _, ...before } = rowsBefore;
    expect(Object.keys(before).length).toBeGreaterThan(7);
    expect(Object.values(before).every((count) => count > 0)).toBe(true);
    expect(await rowCounts(app.databaseUrl)).toMatchObject(before);
  });

  // First, because the account is locked for only a minute.
  it('keeps a locked account locked for unknown devices', async () => {
    const { email, password } = users.locked;
    const refused = await app.login(email, password);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('ratelimit-policy')).toMatch(/^"account";/);
    const json = { email, password, deviceToken: sessions.ofLocked.deviceToken };
    const { status, body } = await app.call('POST', '/v1/auth/login', { json });
    expect([status, body['deviceToken']]).toEqual([200, sessions.ofLocked.deviceToken]);
  });

  it('keeps the limits of an address, for its whole /64', async () => {
    const { neighbour } = used.registerAddress;
    const refused = await post('/v1/auth/register', credentials(users.ada), neighbour);
    expect([refused.status, refused.headers.get('ratelimit-policy')]).toEqual([429, '"register-address";q=20;w=3600']);
    const { address, email, count } = used.addressAndAccount;
    const before = await Promise.all(['address', 'address-and-account'].map(fullAt));
    expect(before.map((rows) => rows.length)).toEqual([1, 1]);
    expect((before[1]?.[0] ?? 0) - Date.now() / 1000).toBeGreaterThan((count * 900) / 20 - 60);
    // Ten wrong passwords cause a wait of 1 s, which may not be over.
    const json = { email, password: 'another wrong passphrase' };
    await expect.poll(async () => (await post('/v1/auth/login', json, address)).status).toBe(401);
    const [[byAddress = 0] = [], [byBoth = 0] = []] = await Promise.all(['address', 'address-and-account'].map(fullAt));
    expect(byAddress).toBeGreaterThan(before[0]?.[0] ?? 0);
    expect(byBoth).toBeGreaterThan(before[1]?.[0] ?? 0);
    await resetFailures(email);
  });

  it('keeps the devices with their failures, except those from before a change of password', async () => {
    const { deviceToken } = sessions.first;
    const [device] = await app.query<{ failures: number }>('SELECT failures FROM devices WHERE failures > 0');
    expect(device?.failures).toBe(golden.knownDeviceFailures);
    for (const { email } of [users.ada, users.changed]) await setFailures(app, email, 100, 1000);
    const known = await app.call('POST', '/v1/auth/login', { json: { ...credentials(users.ada), deviceToken } });
    expect([known.status, known.body['deviceToken']]).toEqual([200, deviceToken]);
    const forgotten = { ...credentials(users.changed), deviceToken: sessions.changing.deviceToken };
    expect((await app.call('POST', '/v1/auth/login', { json: forgotten })).status).toBe(429);
    await resetFailures(users.changed.email);
  });

  it('publishes the same keys, can open them, and signs with the same one', async () => {
    const { body } = await app.call('GET', '/.well-known/jwks.json');
    const published = (body['keys'] as { kid: string }[]).map(({ kid }) => kid);
    const kept = golden.keys.filter(({ state }) => state !== 'gone');
    expect(kept).toHaveLength(5);
    expect(published.toSorted()).toEqual(kept.map(({ kid }) => kid).toSorted());
    const sealed = await app.query<{ kid: string; private_key: Buffer }>(
      'SELECT kid, private_key FROM signing_keys WHERE gone_at IS NULL',
    );
    const opened = sealed.map(
      (row) => [row.kid, sha256(decryptPrivateKey([masterSecret], row.kid, row.private_key))] as const,
    );
    expect(new Map(opened)).toEqual(new Map(kept.map(({ kid, pkcs8Sha256 }) => [kid, pkcs8Sha256])));
    const { token } = await app.signInAs(users.special.email, users.special.password);
    expect(kept.filter(({ alg, state }) => alg === 'ES256' && state === 'active').map(({ kid }) => kid)).toEqual([
      kidOf(token),
    ]);
  });

  it("accepts the users' passwords, but no disabled user", async () => {
    for (const { email, password } of [users.ada, users.special, users.changed]) {
      expect((await app.login(email, password)).status).toBe(200);
    }
    expect((await app.login(users.disabled.email, users.disabled.password)).body['code']).toBe('credentials_invalid');
    expect((await app.login(users.changed.email, 'the passphrase of before')).body['code']).toBe('credentials_invalid');
  });

  it('lists the sessions that were live, and no others', async () => {
    const { token } = await app.signInAs(users.ada.email, users.ada.password);
    const { body } = await app.call('GET', '/v1/auth/sessions?limit=100', { token });
    const listed = (body['items'] as { id: string }[]).map(({ id }) => id);
    const { first, byRevokedKey, byRsa, refreshed, reusable, inGrace, ...others } = sessions;
    for (const { id } of [first, byRevokedKey, byRsa, refreshed, reusable, inGrace]) expect(listed).toContain(id);
    for (const { id } of Object.values(others)) expect(listed).not.toContain(id);
  });

  it('accepts refresh tokens, and ends the session of a reused one', async () => {
    const codeOf = async (text: string) => {
      const { status, body } = await app.refresh(text);
      return body['code'] ?? status;
    };
    const { refreshed, reusable, inGrace } = sessions;
    for (const { refreshTokens } of [sessions.first, sessions.byRsa, sessions.changing, sessions.ofSpecial]) {
      expect(await codeOf(last(refreshTokens))).toBe(200);
    }
    const replayed = await app.refresh(inGrace.refreshTokens[0] ?? '');
    expect(replayed.body['refresh_token']).toBe(inGrace.refreshTokens[1]);

    const next = tokensOf(await app.refresh(last(refreshed.refreshTokens)));
    expect((await app.me(next.token)).status).toBe(200);
    expect(tokensOf(await app.refresh(last(refreshed.refreshTokens))).refreshToken).toBe(next.refreshToken);
    expect(await codeOf(refreshed.refreshTokens[1] ?? '')).toBe('refresh_token_reused');
    expect(await codeOf(next.refreshToken)).toBe('refresh_token_invalid');
    expect((await app.me(next.token)).body['code']).toBe('token_revoked');

    expect(await codeOf(reusable.refreshTokens[0] ?? '')).toBe('refresh_token_reused');
    expect(await codeOf(last(reusable.refreshTokens))).toBe('refresh_token_invalid');
  });

  it.each(['loggedOut', 'reused', 'ofDisabled', 'beforeChange', 'ofRemoved'] as const)(
    'does not revive a session that had ended: %s',
    async (name) => {
      for (const refreshToken of sessions[name].refreshTokens) {
        expect((await app.refresh(refreshToken)).body['code']).toBe('refresh_token_invalid');
      }
    },
  );

  it('does not revive a session past its limits', async () => {
    expect((await app.refresh(last(sessions.expired.refreshTokens))).body['code']).toBe('refresh_token_expired');
  });

  it('lists all audit events and users', async () => {
    const environment = { DATABASE_URL: app.databaseUrl, MASTER_SECRET: masterSecret };
    const events = (await outputLinesOf(environment, ['dist/cli/gatehouse.js', 'events'])).map(
      (line) => JSON.parse(line) as { event: string },
    );
    expect(events.length).toBeGreaterThanOrEqual(rowsBefore['audit_events'] ?? Infinity);
    const names = new Set(events.map(({ event }) => event));
    const oldEvents =
      'user_registered session_started session_ended refresh_token_reused password_changed user_disabled user_deleted key_rotated key_revoked';
    expect(oldEvents.split(' ').filter((name) => !names.has(name))).toEqual([]);
    const listed = (await outputLinesOf(environment, ['dist/cli/gatehouse.js', 'users', 'list'])).map((line) =>
      line.split('\t'),
    );
    const { ada, special, disabled, locked, changed } = users;
    expect(listed.map(([id, email, , state]) => [id, email, state])).toEqual(
      [ada, special, disabled, locked, changed].map(({ id, email }) => [
        id,
        email,
        email === disabled.email ? 'disabled' : 'enabled',
      ]),
    );
  });
});

it('a database of 0.1.0 whose URL names a schema is refused with the statements that move it without loss (CFG-05)', async () => {
  const databaseUrl = await createGoldenDatabase();
  const named = new URL(databaseUrl);
  named.searchParams.set('schema', 'accounts');
  const before = await rowCounts(databaseUrl);
  const environment = {
    DATABASE_URL: named.href,
    MASTER_SECRET: masterSecret,
    ISSUER: issuer,
    MIGRATE_ON_START: 'true',
  };
  const refused = startMain(environment);
  expect(await waitForExit(refused)).toBe(1);
  expect(refused.output()).toContain('"public" has them');
  expect(await rowCounts(databaseUrl)).toEqual(before);
  const statements = refused.output().match(/^ +(?:CREATE|ALTER) .*;$/gm) ?? [];
  expect(statements.length).toBeGreaterThan(8);
  await query(databaseUrl, statements.join(''));
  expect(await rowCounts(databaseUrl)).toEqual({});

  const client = new Client(await waitForUrl(startMain(environment)));
  expect((await client.login(users.ada.email, users.ada.password)).status).toBe(200);
  expect((await client.refresh(last(sessions.refreshed.refreshTokens))).status).toBe(200);
  expect(Object.keys(await rowCounts(databaseUrl, 'accounts'))).toEqual(expect.arrayContaining(Object.keys(before)));
  const { rate_limits: _, sessions: sessionsBefore = 0, ...kept } = before;
  expect(await rowCounts(databaseUrl, 'accounts')).toMatchObject({
    ...kept,
    _prisma_migrations: expect.any(Number),
    audit_events: expect.any(Number),
    sessions: sessionsBefore + 1,
  });
});

describe('an access token of 0.1.0', () => {
  const ACCEPTED = ['first', 'byRsa', 'refreshed', 'reusable', 'inGrace', 'ofSpecial', 'ofLocked', 'changing'] as const;
  const REVOKED = ['loggedOut', 'reused', 'ofDisabled', 'beforeChange', 'ofRemoved'] as const;

  it('is accepted until it expires, unless it was revoked before or after the upgrade', async () => {
    const elapsed = Date.now() - Date.parse(golden.madeAt);
    const node = await startNode(await createGoldenDatabase(), {
      MASTER_SECRET: masterSecret,
      ISSUER: issuer,
      MIGRATE_ON_START: 'true',
      // Tokens cannot be moved in time like the database's rows, so the node's clock is set back.
      NODE_OPTIONS: '--import ./test/support/shifted-clock.ts',
      CLOCK_SHIFTS: String(-elapsed / 1000),
    });
    const { client } = node;
    const answersTo = async (names: readonly (keyof typeof sessions)[]): Promise<unknown[]> => {
      const tokens = names.flatMap((name) => sessions[name].accessTokens);
      const answers = await Promise.all(tokens.map((token) => client.me(token)));
      return [...new Set(answers.map(({ status, body }) => body['code'] ?? status))];
    };
    expect(await answersTo(ACCEPTED)).toEqual([200]);
    expect(await answersTo(REVOKED)).toEqual(['token_revoked']);
    expect(await answersTo(['byRevokedKey'])).toEqual(['token_invalid']);
    expect((await client.logout(sessions.first.accessTokens[0] ?? '', 'global')).status).toBe(204);
    expect(await answersTo(['first', 'byRsa', 'refreshed'])).toEqual(['token_revoked']);
  });
});

describe('a data directory of 0.1.0', () => {
  const WAYS = {
    'after a shutdown': 'SIGINT',
    'after a crash of application and server': 'SIGKILL',
    'after kill -9 of the application, its server running on TCP': undefined,
  } as const;

  it.each(Object.entries(WAYS))('that was left %s is taken over (FLT-27)', async (_, signal) => {
    const { folder, port, pid } = await createOldDataDirectory(onTestFinished);
    if (signal !== undefined) {
      process.kill(pid, signal);
      await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
    }
    const program = startMain({ DATA_DIR: folder, ISSUER: issuer });
    const client = new Client(await waitForUrl(program));
    const { email, password } = users.ada;
    expect((await client.login(email, password)).status).toBe(200);
    expect((await client.refresh(last(sessions.refreshed.refreshTokens))).status).toBe(200);
    expect((await client.refresh(last(sessions.loggedOut.refreshTokens))).status).toBe(401);
    const server = postmasterOf(folder);
    expect([server?.socketFolder, server?.pid === pid]).toEqual([expect.stringContaining('socket'), false]);
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    program.process.kill('SIGTERM');
    expect(await waitForExit(program)).toBe(0);
    expect(postmasterOf(folder)).toBeUndefined();
  });
});
