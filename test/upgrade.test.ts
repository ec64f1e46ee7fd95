import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Config } from '../src/config/config.js';
import { bringSchemaUpToDate } from '../src/database/schema-version.js';
import { DeviceTokens } from '../src/limits/device-tokens.js';
import { clientOf, LimitKeys } from '../src/limits/limit-keys.js';
import { RefreshTokens } from '../src/sessions/refresh-tokens.js';
import { deriveKey } from '../src/tokens/derived-keys.js';
import { openKey } from '../src/tokens/sealed-key.js';
import { afterAllTests, createDatabase, query, startApp, testConfig, type TestApp } from './app.js';
import { golden, goldenDump } from './golden/golden.js';

const { masterSecret, issuer, users, sessions, used } = golden;
const config = { masterSecret: [masterSecret] } as unknown as Config;
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Of each table. */
async function rowCounts(databaseUrl: string): Promise<Record<string, number>> {
  const names = await query<{ name: string }>(
    databaseUrl,
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`,
  );
  const counts = names.map(async ({ name }): Promise<[string, number]> => {
    const [row] = await query<{ count: number }>(databaseUrl, `SELECT count(*)::int FROM "${name}"`);
    return [name, row?.count ?? 0];
  });
  return Object.fromEntries(await Promise.all(counts));
}

describe('under the master secret of then', () => {
  it.each(Object.entries(golden.derivedKeys))('the key for "%s" is derived as then', (label, key) => {
    expect(deriveKey(masterSecret, label).toString('hex')).toBe(key);
  });

  it.each(golden.limitKeys)('$limit of $whom is counted under the same key', ({ limit, whom, key }) => {
    expect(new LimitKeys(config).of(limit, ...whom).toString('hex')).toBe(key);
  });

  it('an address stands for the same client', () => {
    const [address, mapped] = golden.limitKeys.filter(({ limit }) => limit === 'address').map(({ whom }) => whom[0]);
    expect([clientOf(used.addressAndAccount.address), clientOf('::ffff:203.0.113.77')]).toEqual([address, mapped]);
    const network = golden.limitKeys.find(({ limit }) => limit === 'register-address')?.whom[0];
    expect(clientOf(used.registerAddress.address)).toBe(network);
    expect(clientOf(used.registerAddress.neighbour)).toBe(network);
  });

  it('a sealed key is opened', () => {
    const { kid, sealed, pkcs8Sha256 } = golden.sealed;
    expect(sha256(openKey([masterSecret], kid, Buffer.from(sealed, 'hex')))).toBe(pkcs8Sha256);
  });

  it('refresh tokens and device tokens are read as then', () => {
    const { text, ...content } = golden.refreshToken;
    expect(new RefreshTokens(config).read(text)).toEqual(content);
    expect(new DeviceTokens(config).read(golden.deviceToken.text)).toBe(golden.deviceToken.id);
  });
});

describe('a database that 0.1.0 left', () => {
  let app: TestApp;
  let rowsOfThen: Record<string, number>;
  const onFinished = afterAllTests();

  beforeAll(async () => {
    const databaseUrl = await createDatabase(onFinished);
    await query(databaseUrl, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    await query(databaseUrl, goldenDump());
    rowsOfThen = await rowCounts(databaseUrl);
    await bringSchemaUpToDate(testConfig(databaseUrl), { migrate: true });
    const changes = { masterSecret: [masterSecret], issuer, audience: issuer, rateLimits: 'on' } as const;
    app = await startApp({ databaseUrl, changes }, onFinished);
  });

  it('loses no row to the migrations', async () => {
    const { _prisma_migrations: _, ...before } = rowsOfThen;
    expect(Object.values(before).every((count) => count > 0)).toBe(true);
    expect(await rowCounts(app.databaseUrl)).toMatchObject(before);
  });

  it('publishes the same keys', async () => {
    const { body } = await app.call('GET', '/.well-known/jwks.json');
    const published = (body['keys'] as { kid: string }[]).map(({ kid }) => kid);
    const kept = golden.keys.filter(({ state }) => state !== 'gone').map(({ kid }) => kid);
    expect(kept).toHaveLength(5);
    expect(published.toSorted()).toEqual(kept.toSorted());
  });

  it('logs its users in with their passwords', async () => {
    for (const { email, password } of [users.ada, users.special, users.changed]) {
      expect((await app.login(email, password)).status).toBe(200);
    }
    const { password } = users.disabled;
    expect((await app.login(users.disabled.email, password)).status).toBe(401);
    expect((await app.refresh(sessions.refreshed.refreshTokens.at(-1) ?? '')).status).toBe(200);
  });
});
