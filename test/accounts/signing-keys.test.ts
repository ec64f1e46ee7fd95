import { calculateJwkThumbprint, createRemoteJWKSet, decodeProtectedHeader, jwtVerify, type JWK } from 'jose';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { KeyAdministrationService } from '../../src/auth/key-administration.service.js';
import { KeyRing } from '../../src/tokens/key-ring.js';
import { KeyRotationService, type KeyRecord } from '../../src/tokens/key-rotation.service.js';
import { createDatabase, query, startApp, type TestApp } from '../support/app.js';
import { tokensOf, type Answer, type Client } from '../support/client.js';
import { heapInUse } from '../support/heap.js';
import { MASTER_SECRET, startNode, type Environment } from '../support/processes.js';
import { TcpProxy, proxiedUrl } from '../support/tcp-proxy.js';

const OLD_SECRET = 'pQ7wE2rT9yU4iO1pA6sD3fG8hJ5kL0zX';
const NEW_SECRET = 'vB4nM8qW1eR6tY3uI9oP5aS2dF7gH0jK';
const ISSUER = 'http://127.0.0.1:3000';
const MEMBERS = {
  ES256: ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
  RS256: ['alg', 'e', 'kid', 'kty', 'n', 'use'],
};

const rotationOf = ({ nest }: TestApp): KeyRotationService => nest.get(KeyRotationService, { strict: false });
const keysOf = ({ nest }: TestApp): KeyAdministrationService => nest.get(KeyAdministrationService, { strict: false });
const kidOf = (token: string): string => String(decodeProtectedHeader(token).kid);

/** The states of all keys ever created, oldest life-cycle stage first; with the algorithm if it is not the default. */
async function states(app: TestApp): Promise<string[]> {
  const records = await rotationOf(app).listKeys();
  const order = ['gone', 'retiring', 'active', 'next'];
  const stage = ({ state, alg }: KeyRecord): string => `${order.indexOf(state)} ${alg}`;
  const sorted = records.toSorted((one, other) => (stage(one) < stage(other) ? -1 : 1));
  return sorted.map(({ state, alg }) => (alg === 'ES256' ? state : `${alg} ${state}`));
}

async function kidIn(app: TestApp, state: KeyRecord['state'], alg = 'ES256'): Promise<string> {
  const found = (await rotationOf(app).listKeys()).filter((key) => key.state === state && key.alg === alg);
  expect(found).toHaveLength(1);
  return found[0]?.kid ?? '';
}

/** Fetches the JWKS; `known` is sent as If-None-Match. */
function getJwks(client: Client, known?: string): Promise<Answer> {
  const headers: Record<string, string> = known === undefined ? {} : { 'if-none-match': known };
  return client.call('GET', '/.well-known/jwks.json', { headers });
}

async function publishedKeys(client: Client): Promise<JWK[]> {
  return (await getJwks(client)).body['keys'] as JWK[];
}

async function publishedKids(client: Client): Promise<string[]> {
  return (await publishedKeys(client)).map(({ kid }) => String(kid)).toSorted();
}

/** Moves all timestamps of a key into the past. */
async function backdateKey(app: TestApp, kid: string, interval: string): Promise<void> {
  await app.query(
    `UPDATE signing_keys SET created_at = created_at - $2::interval, activated_at = activated_at - $2::interval,
                             retired_at = retired_at - $2::interval WHERE kid = $1`,
    [kid, interval],
  );
}

/** A node's response to a token: the status, and the code of a problem. */
async function verdict(client: Client, token: string): Promise<unknown[]> {
  const { status, body } = await client.me(token);
  return status === 200 ? [status] : [status, body['code']];
}

/** `node dist/cli/gatehouse.js keys`, as `npm run keys` runs it after the build. */
async function runKeysCommand(environment: Environment, ...args: string[]): Promise<string[]> {
  const { DATABASE_URL: _, ...inherited } = process.env;
  const env = { ...inherited, MASTER_SECRET, LOG_LEVEL: 'silent', ...environment };
  const { stdout } = await promisify(execFile)('node', ['dist/cli/gatehouse.js', 'keys', ...args], { env });
  return stdout.trim().split('\n');
}

/** The line that `npm run keys -- list` prints for a key. */
function listLine(kid: string, state: string): unknown {
  return expect.stringMatching(new RegExp(`^${kid}\\tES256\\t${state}\\t\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z$`));
}

/** When the only revoked key was revoked, in milliseconds since 1970. */
async function revokedAt(app: TestApp): Promise<number> {
  const rows = await app.query<{ at: number }>(
    `SELECT extract(epoch FROM created_at)::float8 * 1000 AS at FROM revocations WHERE kind = 'kid'`,
  );
  expect(rows).toHaveLength(1);
  return rows[0]?.at ?? 0;
}

/** Rotates once; returns tokens of the retiring and of the active key. */
async function rotateOnce(app: TestApp): Promise<{ older: string; newer: string }> {
  const { token: older } = await app.signIn();
  await backdateKey(app, await kidIn(app, 'next'), '901 seconds');
  await keysOf(app).rotateSigningKey();
  const next = await kidIn(app, 'active');
  await expect.poll(async () => kidOf((await app.signIn()).token)).toBe(next);
  return { older, newer: (await app.signIn()).token };
}

/** An application whose background job rotates every half minute while the other tests run. */
let selfRotating: TestApp;
let firstOfSelfRotating: string;
const cleanups: (() => Promise<void>)[] = [];

beforeAll(async () => {
  selfRotating = await startApp({}, (clean) => cleanups.unshift(clean));
  firstOfSelfRotating = await kidIn(selfRotating, 'active');
  await backdateKey(selfRotating, firstOfSelfRotating, '30 days');
  await backdateKey(selfRotating, await kidIn(selfRotating, 'next'), '901 seconds');
});
afterAll(async () => {
  for (const clean of cleanups) await clean();
});

describe('a first start', () => {
  it('creates an active and a next key and publishes both', async () => {
    const app = await startApp();
    expect(await states(app)).toEqual(['active', 'next']);
    const kids = [await kidIn(app, 'active'), await kidIn(app, 'next')];
    expect(await publishedKids(app)).toEqual(kids.toSorted());
    expect(kidOf((await app.signIn()).token)).toBe(kids[0]);
  });

  it('of four nodes at once creates one active and one next key, which all four publish', async () => {
    const databaseUrl = await createDatabase();
    const [app, ...others] = await Promise.all([1, 2, 3, 4].map(() => startApp({ databaseUrl })));
    if (app === undefined) throw new Error('no node');
    expect(await states(app)).toEqual(['active', 'next']);
    const kids = await publishedKids(app);
    expect(kids).toHaveLength(2);
    for (const other of others) expect(await publishedKids(other)).toEqual(kids);
    const { token } = await app.signIn();
    expect(await Promise.all(others.map((other) => verdict(other, token)))).toEqual([[200], [200], [200]]);
  });
});

describe('the published keys', () => {
  it('are cached for no longer than a key is published before it signs', async () => {
    const app = await startApp({ changes: { keyPublishSeconds: 60 } });
    expect((await getJwks(app)).headers.get('cache-control')).toBe('public, max-age=60');
  });

  it.each(['ES256', 'RS256'] as const)(
    'of %s have public members only, and the thumbprint as kid',
    async (signingAlg) => {
      const app = await startApp({ changes: { signingAlg } });
      const found = await publishedKeys(app);
      expect(found).toHaveLength(2);
      for (const key of found) {
        expect(Object.keys(key).toSorted()).toEqual(MEMBERS[signingAlg]);
        expect(key).toMatchObject({ use: 'sig', alg: signingAlg, kid: await calculateJwkThumbprint(key) });
      }
      const stored = await app.query<{ jwk: JWK }>('SELECT public_jwk AS jwk FROM signing_keys');
      for (const { jwk } of stored) expect(Object.keys(jwk).toSorted()).toEqual(MEMBERS[signingAlg]);
    },
  );

  it('may be cached for five minutes and have the same ETag on every node', async () => {
    const app = await startApp();
    const other = await startApp({ databaseUrl: app.databaseUrl });
    const { status, headers } = await getJwks(app);
    const etag = headers.get('etag') ?? '';
    expect([status, headers.get('cache-control')]).toEqual([200, 'public, max-age=300']);
    expect(etag).toMatch(/^"[\w-]+"$/);
    expect((await getJwks(other)).headers.get('etag')).toBe(etag);
    for (const known of [etag, `W/${etag}`, `"another", ${etag}`, '*']) {
      const answer = await getJwks(app, known);
      expect([known, answer.status, answer.body]).toEqual([known, 304, {}]);
      expect(answer.headers.get('etag')).toBe(etag);
      expect(answer.headers.get('cache-control')).toBe('public, max-age=300');
      expect(answer.headers.get('content-type')).toBeNull();
    }
    expect((await getJwks(app, '"another"')).status).toBe(200);
    await rotateOnce(app);
    for (const client of [app, other]) {
      await expect.poll(async () => (await getJwks(client, etag)).status).toBe(200);
      expect((await getJwks(client, etag)).headers.get('etag')).not.toBe(etag);
    }
  });
});

/**
 * Refreshes, sends the token to both nodes and verifies it with a standard library, as fast as it can, until stopped.
 */
class Load {
  readonly failures: string[] = [];
  /** When both nodes first published a kid, and when a token first had it, in milliseconds. */
  readonly publishedAt = new Map<string, number>();
  readonly signedAt = new Map<string, number>();
  /** The first token with each kid. */
  readonly firsts: string[] = [];
  checks = 0;
  #isOver = false;
  readonly #verifiers: ReturnType<typeof createRemoteJWKSet>[];

  constructor(readonly nodes: readonly [Client, Client]) {
    // About as long relative to KEY_PUBLISH_SECONDS as the JWKS max-age is by default. The long cool-down prevents a
    // fetch because of an unknown kid.
    const caching = { cacheMaxAge: 600, cooldownDuration: 60_000 };
    this.#verifiers = nodes.map(({ url }) => createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`), caching));
  }

  /** Runs until {@link stop}. */
  async run(): Promise<void> {
    await this.#watch();
    let { refreshToken, token } = await this.nodes[0].signIn();
    for (let turn = 0; !this.#isOver; turn++) {
      this.#record(token);
      await this.#watch();
      await Promise.all([token, ...this.firsts].map((each) => this.#check(each)));
      const answer = await this.nodes[turn % 2 === 0 ? 1 : 0].refresh(refreshToken);
      if (answer.status !== 200) this.failures.push(`refresh: ${answer.status}`);
      ({ refreshToken, token } = tokensOf(answer));
    }
  }

  stop(): void {
    this.#isOver = true;
  }

  async #watch(): Promise<void> {
    const [one, other] = await Promise.all(this.nodes.map(publishedKids));
    for (const kid of one?.filter((each) => other?.includes(each)) ?? []) {
      if (!this.publishedAt.has(kid)) this.publishedAt.set(kid, performance.now());
    }
  }

  #record(token: string): void {
    const kid = kidOf(token);
    if (this.signedAt.has(kid)) return;
    this.signedAt.set(kid, performance.now());
    this.firsts.push(token);
  }

  async #check(token: string): Promise<void> {
    for (const node of this.nodes) {
      const { status } = await node.me(token);
      if (status !== 200) this.failures.push(`${kidOf(token)} at ${node.url}: ${status}`);
    }
    for (const verifier of this.#verifiers) {
      const options = { typ: 'at+jwt', issuer: ISSUER, audience: ISSUER };
      await jwtVerify(token, verifier, options).catch((error: Error) => this.failures.push(`jose: ${error.message}`));
    }
    this.checks++;
  }
}

describe('a key rotation', () => {
  it(
    'three times under load causes no 401 on two processes and no failure of a standard verifier',
    { timeout: 90_000 },
    async () => {
      const databaseUrl = await createDatabase();
      const environment = { KEY_PUBLISH_SECONDS: '2' };
      const [one, other] = await Promise.all([
        startNode(databaseUrl, environment),
        startNode(databaseUrl, environment),
      ]);
      const operator = await startApp({ databaseUrl, changes: { keyPublishSeconds: 2 } });
      const load = new Load([one.client, other.client]);
      onTestFinished(() => load.stop());
      const running = Promise.all(
        [1, 2].map(() => load.run().catch((error: unknown) => load.failures.push(String(error)))),
      );
      for (const count of [1, 2, 3]) {
        await expect.poll(() => load.signedAt.size, { timeout: 20_000 }).toBe(count);
        await expect.poll(() => rotationOf(operator).rotateKey(), { timeout: 10_000, interval: 100 }).toBe(true);
      }
      await expect.poll(() => load.signedAt.size, { timeout: 20_000 }).toBe(4);
      const checksOfFour = load.checks + 40;
      await expect.poll(() => load.checks, { timeout: 20_000 }).toBeGreaterThan(checksOfFour);
      load.stop();
      await running;
      expect(load.failures).toEqual([]);
      const leads = [...load.signedAt].map(([kid, at]) => at - (load.publishedAt.get(kid) ?? Infinity));
      for (const lead of leads) expect(lead).toBeGreaterThan(0);
    },
  );

  it('by command is refused while the next key has not been published long enough', { timeout: 60_000 }, async () => {
    const app = await startApp();
    const next = await kidIn(app, 'next');
    await backdateKey(app, next, '800 seconds');
    await expect(keysOf(app).rotateSigningKey()).rejects.toThrow(
      'The next key has not been published for KEY_PUBLISH_SECONDS',
    );
    await expect(runKeysCommand({ DATABASE_URL: app.databaseUrl }, 'rotate')).rejects.toThrow(
      'has not been published for',
    );
    expect([await kidIn(app, 'next'), await states(app)]).toEqual([next, ['active', 'next']]);
    await backdateKey(app, next, '100 seconds');
    const listed = await runKeysCommand({ DATABASE_URL: app.databaseUrl }, 'rotate');
    expect([await kidIn(app, 'active'), await states(app)]).toEqual([next, ['retiring', 'active', 'next']]);
    const expected = [
      listLine(next, 'active'),
      listLine(await kidIn(app, 'retiring'), 'retiring'),
      listLine(await kidIn(app, 'next'), 'next'),
    ];
    expect(listed).toHaveLength(3);
    expect(listed).toEqual(expect.arrayContaining(expected));
  });

  it('by command on four nodes at once happens once', async () => {
    const app = await startApp();
    const { databaseUrl } = app;
    const nodes = [app, ...(await Promise.all([1, 2, 3].map(() => startApp({ databaseUrl }))))];
    await backdateKey(app, await kidIn(app, 'next'), '901 seconds');
    const results = await Promise.all(nodes.map((node) => rotationOf(node).rotateKey()));
    expect(results.filter(Boolean)).toEqual([true]);
    expect(await states(app)).toEqual(['retiring', 'active', 'next']);
  });

  it('is due when the active key is old and the next one published, and one of many nodes does it once', async () => {
    const app = await startApp();
    const { databaseUrl } = app;
    const nodes = [app, ...(await Promise.all([1, 2, 3].map(() => startApp({ databaseUrl }))))];
    const maintain = () => Promise.all([...nodes, ...nodes].map((node) => rotationOf(node).maintainKeys()));
    const [first, next] = [await kidIn(app, 'active'), await kidIn(app, 'next')];
    const { token } = await app.signIn();

    await backdateKey(app, next, '2 days');
    await backdateKey(app, first, '29 days 23 hours');
    await maintain();
    expect(await states(app)).toEqual(['active', 'next']);
    await backdateKey(app, first, '1 hour');
    await backdateKey(app, next, '-2 days');
    await backdateKey(app, next, '800 seconds');
    await maintain();
    expect([await kidIn(app, 'active'), await kidIn(app, 'next')]).toEqual([first, next]);

    await backdateKey(app, next, '100 seconds');
    await maintain();
    expect(await states(app)).toEqual(['retiring', 'active', 'next']);
    expect([await kidIn(app, 'retiring'), await kidIn(app, 'active')]).toEqual([first, next]);
    for (const node of nodes) {
      await expect.poll(async () => kidOf((await node.signIn()).token)).toBe(next);
      expect(await publishedKids(node)).toHaveLength(3);
      expect(await verdict(node, token)).toEqual([200]);
    }
  });

  it('keeps the old key for an hour and five minutes, then deletes it and ends its tokens', async () => {
    const app = await startApp();
    const other = await startApp({ databaseUrl: app.databaseUrl });
    const { older, newer } = await rotateOnce(app);
    await backdateKey(app, kidOf(older), '1 hour 4 minutes');
    await rotationOf(app).maintainKeys();
    expect(await states(app)).toEqual(['retiring', 'active', 'next']);
    for (const node of [app, other]) expect(await verdict(node, older)).toEqual([200]);

    await backdateKey(app, kidOf(older), '1 minute');
    await rotationOf(app).maintainKeys();
    expect(await states(app)).toEqual(['gone', 'active', 'next']);
    const [row] = await app.query('SELECT private_key FROM signing_keys WHERE kid = $1', [kidOf(older)]);
    expect(row).toEqual({ private_key: null });
    for (const node of [app, other]) {
      await expect.poll(() => publishedKids(node)).not.toContain(kidOf(older));
      expect(await publishedKids(node)).toHaveLength(2);
      expect(await verdict(node, older)).toEqual([401, 'token_invalid']);
      expect(await verdict(node, newer)).toEqual([200]);
    }
  });
});

describe('revoking a key', () => {
  it(
    'that is active ends its tokens on two processes within a second, and the next key signs',
    { timeout: 60_000 },
    async () => {
      const app = await startApp();
      const { databaseUrl } = app;
      const nodes = await Promise.all([startNode(databaseUrl), startNode(databaseUrl)]);
      const { token, email } = await app.signIn();
      const [active, next] = [await kidIn(app, 'active'), await kidIn(app, 'next')];
      const refusedAt = async ({ client }: { client: Client }): Promise<number> => {
        await expect
          .poll(() => verdict(client, token), { interval: 10, timeout: 20_000 })
          .toEqual([401, 'token_invalid']);
        const at = Date.now();
        expect(kidOf((await client.signInAs(email)).token)).toBe(next);
        expect(await publishedKids(client)).not.toContain(active);
        return at;
      };
      for (const { client } of nodes) expect(await verdict(client, token)).toEqual([200]);
      const refused = Promise.all(nodes.map(refusedAt));
      const [listed, refusals] = await Promise.all([
        runKeysCommand({ DATABASE_URL: databaseUrl }, 'revoke', active),
        refused,
      ]);
      const since = await revokedAt(app);
      for (const at of refusals) expect(at - since).toBeLessThan(1000);

      expect(await states(app)).toEqual(['gone', 'active', 'next']);
      expect([await kidIn(app, 'gone'), await kidIn(app, 'active')]).toEqual([active, next]);
      expect(listed.filter((line) => line.includes('\tgone\t'))).toEqual([expect.stringContaining(active)]);
      const kids = [next, await kidIn(app, 'next')].toSorted();
      for (const { client } of nodes) expect(await publishedKids(client)).toEqual(kids);
      expect(await app.query('SELECT FROM signing_keys WHERE private_key IS NULL')).toHaveLength(1);
    },
  );

  it('that is active makes the next key active without a gap', async () => {
    const app = await startApp();
    const ring = app.nest.get(KeyRing, { strict: false });
    const [active, next] = [await kidIn(app, 'active'), await kidIn(app, 'next')];
    await keysOf(app).revokeSigningKey(active);
    expect(ring.signingKey.kid).toBe(next);
  });

  it('takes effect within a second on a node that receives no notification', async () => {
    const app = await startApp();
    const { databaseUrl } = app;
    const proxy = await TcpProxy.start(new URL(databaseUrl));
    const deaf = await startApp({ databaseUrl, changes: { databaseDirectUrl: proxiedUrl(proxy, databaseUrl) } });
    const { token } = await app.signIn();
    proxy.hold('answers');
    expect(await verdict(deaf, token)).toEqual([200]);
    await keysOf(app).revokeSigningKey(kidOf(token));
    expect(await verdict(app, token)).toEqual([401, 'token_invalid']);
    await expect.poll(() => verdict(deaf, token), { interval: 2 }).toEqual([401, 'token_invalid']);
    const refusedAt = Date.now();
    expect(refusedAt - (await revokedAt(app))).toBeLessThan(1000);
  });

  it('that is next creates another next key and leaves every token valid', async () => {
    const app = await startApp();
    const other = await startApp({ databaseUrl: app.databaseUrl });
    const { token } = await app.signIn();
    const next = await kidIn(app, 'next');
    await backdateKey(app, next, '901 seconds');
    await keysOf(app).revokeSigningKey(next);
    expect(await states(app)).toEqual(['gone', 'active', 'next']);
    const kids = [kidOf(token), await kidIn(app, 'next')].toSorted();
    for (const node of [app, other]) {
      await expect.poll(() => publishedKids(node)).toEqual(kids);
      expect(await verdict(node, token)).toEqual([200]);
      expect(kidOf((await node.signIn()).token)).toBe(kidOf(token));
    }
    await expect(keysOf(app).rotateSigningKey()).rejects.toThrow('has not been published');
  });

  it('that is retiring ends only its tokens', async () => {
    const app = await startApp();
    const other = await startApp({ databaseUrl: app.databaseUrl });
    const { older, newer } = await rotateOnce(app);
    const next = await kidIn(app, 'next');
    await keysOf(app).revokeSigningKey(kidOf(older));
    expect(await states(app)).toEqual(['gone', 'active', 'next']);
    expect([await kidIn(app, 'active'), await kidIn(app, 'next')]).toEqual([kidOf(newer), next]);
    for (const node of [app, other]) {
      await expect.poll(() => verdict(node, older)).toEqual([401, 'token_invalid']);
      expect(await verdict(node, newer)).toEqual([200]);
    }
  });

  it('that is unknown or deleted is an error and changes nothing', async () => {
    const app = await startApp();
    const active = await kidIn(app, 'active');
    await keysOf(app).revokeSigningKey(active);
    const before = await rotationOf(app).listKeys();
    await expect(keysOf(app).revokeSigningKey(active)).rejects.toThrow(
      `There is no key ${active}, or it is gone already.`,
    );
    await expect(keysOf(app).revokeSigningKey('nothing')).rejects.toThrow('There is no key nothing');
    expect(await rotationOf(app).listKeys()).toEqual(before);
    expect(await app.query('SELECT FROM revocations')).toHaveLength(1);
  });
});

describe('npm run keys', () => {
  it('prints its usage', { timeout: 60_000 }, async () => {
    const wrong: [string[], string][] = [
      [[], 'list | rotate | revoke KID (missing command; --help lists the commands)'],
      [['revoke'], "revoke KID (missing required argument 'KID')"],
      [['rotate', 'now'], "rotate (too many arguments for 'rotate'. Expected 0 arguments but got 1: now)"],
    ];
    const results = wrong.map(([args, usage]) =>
      expect(runKeysCommand({}, ...args)).rejects.toMatchObject({
        code: 1,
        stdout: '',
        stderr: `usage: npm run keys -- ${usage}\n`,
      }),
    );
    await Promise.all(results);
  });

  it('lists the keys and maintains none: that is left to the nodes', { timeout: 60_000 }, async () => {
    const DATABASE_URL = await createDatabase();
    expect(await runKeysCommand({ DATABASE_URL }, 'list')).toEqual(['']);
    const app = await startApp({ databaseUrl: DATABASE_URL });
    await backdateKey(app, await kidIn(app, 'active'), '40 days');
    await backdateKey(app, await kidIn(app, 'next'), '40 days');
    expect(await runKeysCommand({ DATABASE_URL, SIGNING_ALG: 'RS256', KEY_ROTATION_DAYS: '1' }, 'list')).toHaveLength(
      2,
    );
    expect(await states(app)).toEqual(['active', 'next']);
  });

  it('is refused under JWT_SECRET', async () => {
    const environment = { DATABASE_URL: await createDatabase(), JWT_SECRET: OLD_SECRET };
    const stderr = 'With JWT_SECRET there are no managed keys: change that setting.\n';
    await expect(runKeysCommand(environment, 'list')).rejects.toMatchObject({ code: 1, stdout: '', stderr });
  });
});

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** Every second token has an unknown kid, the others a known kid in an unknown header. */
function forge(token: string, index: number): string {
  const [, claims = ''] = token.split('.');
  const filling = randomBytes(900).toString('hex');
  const header = index % 2 === 0 ? { kid: `${index}${filling}` } : { kid: kidOf(token), index, filling };
  const signature = randomBytes(64).toString('base64url');
  return `${encode({ typ: 'at+jwt', alg: 'ES256', ...header })}.${claims}.${signature}`;
}

/** Sends this many forged tokens, a hundred concurrently, each hundred with one valid token. */
async function sendForgedTokens(app: TestApp, token: string, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 100) {
    const forged = Array.from({ length: 100 }, (_, index) => verdict(app, forge(token, sent + index)));
    const answers = await Promise.all([verdict(app, token), ...forged]);
    expect(answers).toEqual([[200], ...forged.map(() => [401, 'token_invalid'])]);
  }
}

describe('a flood of tokens of unknown keys', () => {
  it('causes no database query, leaves nothing in memory and lets valid tokens pass', { timeout: 60_000 }, async () => {
    // Log lines would be kept in memory by the test.
    const app = await startApp({ changes: { logLevel: 'silent' } });
    const { token } = await app.signIn();
    const lastQuery = async (): Promise<unknown> => {
      const [row] = await app.query(
        `SELECT max(query_start)::text AS last, count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'gatehouse'`,
      );
      return row;
    };
    /** Scans of the table; the change feed reads the keys twice a second in any case. */
    const reads = async (): Promise<number> => {
      const sql = `SELECT (seq_scan + coalesce(idx_scan, 0))::int AS reads FROM pg_stat_user_tables WHERE relname = 'signing_keys'`;
      return (await app.query<{ reads: number }>(sql))[0]?.reads ?? 0;
    };
    await sendForgedTokens(app, token, 500);
    const [before, readsBefore, heapBefore, startedAt] = [
      await lastQuery(),
      await reads(),
      heapInUse(),
      performance.now(),
    ];
    await sendForgedTokens(app, token, 2000);
    const heapAfter = heapInUse();
    expect(await lastQuery()).toEqual(before);
    // Wait for two statistics updates: the second one includes the whole flood.
    for (const _ of [1, 2]) {
      const known = await reads();
      await expect.poll(reads, { timeout: 10_000 }).toBeGreaterThan(known);
    }
    const seconds = (performance.now() - startedAt) / 1000;
    expect((await reads()) - readsBefore).toBeLessThan(2 * seconds + 20);
    // The tokens themselves take six times as much.
    expect(heapAfter - heapBefore).toBeLessThan(1_000_000);
    expect((await publishedKids(app)).length).toBe(2);
  });
});

function startWithJwtSecret(databaseUrl: string, ...jwtSecret: string[]): Promise<TestApp> {
  return startApp({ databaseUrl, changes: { jwtSecret } });
}

describe('JWT_SECRET', () => {
  it('with two values signs with the first and verifies with both, until the second is removed', async () => {
    const databaseUrl = await createDatabase();
    const [before, during, after] = [
      await startWithJwtSecret(databaseUrl, OLD_SECRET),
      await startWithJwtSecret(databaseUrl, NEW_SECRET, OLD_SECRET),
      await startWithJwtSecret(databaseUrl, NEW_SECRET),
    ];
    const { token: older } = await before.signIn();
    const { token: newer } = await during.signIn();
    expect(await Promise.all([older, newer].map((token) => verdict(during, token)))).toEqual([[200], [200]]);
    expect(await verdict(after, newer)).toEqual([200]);
    expect(await verdict(after, older)).toEqual([401, 'token_invalid']);
    expect(await verdict(before, newer)).toEqual([401, 'token_invalid']);
    expect(kidOf((await after.signIn()).token)).toBe(kidOf(newer));
  });

  it('creates and publishes no keys', async () => {
    const app = await startWithJwtSecret(await createDatabase(), NEW_SECRET, OLD_SECRET);
    await app.signIn();
    expect(await publishedKeys(app)).toEqual([]);
    expect(await app.query('SELECT FROM signing_keys')).toEqual([]);
    const refusal = 'With JWT_SECRET there are no managed keys';
    await expect(keysOf(app).rotateSigningKey()).rejects.toThrow(refusal);
    await expect(keysOf(app).revokeSigningKey('a kid')).rejects.toThrow(refusal);
  });
});

function startRsa({ databaseUrl }: TestApp): Promise<TestApp> {
  return startApp({ databaseUrl, changes: { signingAlg: 'RS256' } });
}

describe('a changed SIGNING_ALG', () => {
  it('signs once its first key has been published long enough, and earlier tokens still verify', async () => {
    const app = await startApp();
    const { token: before } = await app.signIn();
    const rsa = await startRsa(app);
    expect(await states(rsa)).toEqual(['active', 'next', 'RS256 next']);
    const next = await kidIn(rsa, 'next', 'RS256');
    await rotationOf(rsa).maintainKeys();
    const { token: meanwhile } = await rsa.signIn();
    expect(kidOf(meanwhile)).toBe(kidOf(before));
    expect(await publishedKids(rsa)).toContain(next);

    await backdateKey(rsa, next, '901 seconds');
    await rotationOf(rsa).maintainKeys();
    expect(await states(rsa)).toEqual(['active', 'RS256 active', 'next', 'RS256 next']);
    await expect.poll(async () => kidOf((await rsa.signIn()).token)).toBe(next);
    const { token: after } = await rsa.signIn();
    expect(decodeProtectedHeader(after).alg).toBe('RS256');
    for (const token of [before, meanwhile, after]) {
      expect([await verdict(rsa, token), await verdict(app, token)]).toEqual([[200], [200]]);
    }
    expect(kidOf((await app.signIn()).token)).toBe(kidOf(before));
  });

  it('retires the keys of the old algorithm when nobody has rotated them for three rotation periods', async () => {
    const app = await startApp();
    const { token } = await app.signIn();
    const [active, next] = [await kidIn(app, 'active'), await kidIn(app, 'next')];
    const rsa = await startRsa(app);
    await backdateKey(rsa, await kidIn(rsa, 'next', 'RS256'), '901 seconds');
    await rotationOf(rsa).maintainKeys();
    for (const kid of [active, next]) await backdateKey(rsa, kid, '90 days');
    await rotationOf(rsa).maintainKeys();
    expect(await states(rsa)).toEqual(['retiring', 'retiring', 'RS256 active', 'RS256 next']);
    expect(await verdict(rsa, token)).toEqual([200]);
  });

  it('after a long downtime still signs with the old key until its own is published long enough', async () => {
    const app = await startApp();
    const { email } = await app.signIn();
    const active = await kidIn(app, 'active');
    for (const kid of [active, await kidIn(app, 'next')]) await backdateKey(app, kid, '100 days');
    const rsa = await startRsa(app);
    expect((await rsa.login(email)).status).toBe(200);
    expect((await publishedKeys(rsa)).filter(({ alg }) => alg === 'RS256')).toHaveLength(1);
  });
});

describe('a new MASTER_SECRET', () => {
  it('set before the old one opens the sealed keys and seals them again, so that the old one can be removed', async () => {
    const app = await startApp();
    const { databaseUrl } = app;
    const { token, refreshToken } = await app.signIn();
    const start = (...masterSecret: string[]) => startApp({ databaseUrl, changes: { masterSecret } });
    await expect(start(NEW_SECRET)).rejects.toThrow('needs another MASTER_SECRET');
    const both = await start(NEW_SECRET, MASTER_SECRET);
    expect(await verdict(both, token)).toEqual([200]);
    const { body } = await both.refresh(refreshToken);

    const after = await start(NEW_SECRET);
    expect(await verdict(after, token)).toEqual([200]);
    expect(kidOf((await after.signIn()).token)).toBe(kidOf(token));
    expect((await after.refresh(String(body['refresh_token']))).status).toBe(200);
    expect((await after.refresh(refreshToken)).body['code']).toBe('refresh_token_invalid');
    await expect(start(MASTER_SECRET)).rejects.toThrow('needs another MASTER_SECRET');
  });
});

describe('a node that cannot open a key', () => {
  it('is not ready, and answers 503, not 401, to tokens of that key', async () => {
    const old = await startApp({ changes: { revocationStaleSeconds: 1 } });
    const changed = { masterSecret: [NEW_SECRET, MASTER_SECRET], keyPublishSeconds: 0 };
    const newer = await startApp({ databaseUrl: old.databaseUrl, changes: changed });
    await keysOf(newer).rotateSigningKey();
    await keysOf(newer).rotateSigningKey();
    await expect.poll(async () => (await old.call('GET', '/health/ready')).status, { timeout: 10_000 }).toBe(503);
    const active = await kidIn(old, 'active');
    await expect.poll(async () => kidOf((await newer.signIn()).token)).toBe(active);
    expect(await verdict(old, (await newer.signIn()).token)).toEqual([503, 'service_unavailable']);
  });
});

describe('npm run keys with another MASTER_SECRET', () => {
  it('prints that and ends', async () => {
    const app = await startApp();
    const refused = runKeysCommand({ DATABASE_URL: app.databaseUrl, MASTER_SECRET: NEW_SECRET }, 'list');
    await expect(refused).rejects.toThrow('needs another MASTER_SECRET');
  });
});

describe('a start that fails', () => {
  it('leaves no connection behind', async () => {
    const databaseUrl = (await startApp()).databaseUrl;
    const open = async (): Promise<unknown> => {
      const [row] = await query(
        databaseUrl,
        `SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database()
        AND application_name LIKE 'gatehouse%'`,
      );
      return row?.['count'];
    };
    const before = await open();
    await query(
      databaseUrl,
      `CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE 'no more keys'; END $$ LANGUAGE plpgsql;
      CREATE TRIGGER refuse BEFORE INSERT ON signing_keys FOR EACH ROW EXECUTE FUNCTION refuse()`,
    );
    await expect(startApp({ databaseUrl, changes: { signingAlg: 'RS256' } })).rejects.toThrow('no more keys');
    await expect.poll(open).toBe(before);
    await expect(startApp({ databaseUrl, changes: { masterSecret: [NEW_SECRET] } })).rejects.toThrow('MASTER_SECRET');
    await expect.poll(open).toBe(before);
  });
});

describe('a node that starts', () => {
  it('refuses earlier revocations from its first request on', async () => {
    const app = await startApp();
    const { token } = await app.signIn();
    await app.logout(token);
    const later = await startApp({ databaseUrl: app.databaseUrl });
    expect(await verdict(later, token)).toEqual([401, 'token_revoked']);
  });
});

describe('a running node', () => {
  it('rotates a key by itself within a minute of the due time', { timeout: 60_000 }, async () => {
    await expect.poll(() => states(selfRotating), { timeout: 50_000 }).toEqual(['retiring', 'active', 'next']);
    expect(await kidIn(selfRotating, 'retiring')).toBe(firstOfSelfRotating);
    expect(kidOf((await selfRotating.signIn()).token)).toBe(await kidIn(selfRotating, 'active'));
  });
});
