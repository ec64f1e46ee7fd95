import { Controller, Get, Injectable, Module, UseGuards } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport';
import { createHmac, createPublicKey, randomUUID, type JsonWebKeyInput } from 'node:crypto';
import { createHook } from 'node:async_hooks';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AccessTokenVerifier } from '../../src/access/access-token.verifier.js';
import { AuthenticationHook } from '../../src/access/authentication.hook.js';
import { JwtAuthGuard } from '../../src/access/jwt-auth.guard.js';
import type { Principal } from '../../src/access/principal.js';
import { Authenticated, CurrentUser, Public } from '../../src/access/route-access.decorators.js';
import { KeyRing } from '../../src/tokens/key-ring.js';
import { AccessTokenIssuer } from '../../src/tokens/access-token-issuer.js';
import { PASSWORD, startApp, type Answer, type TestApp } from '../support/app.js';
import { application, features, routesOfFeatures } from '../support/feature-routes.js';

/** The written public list (ACC-01). A route that is not on it refuses without a token. */
const PUBLIC = new Set([
  'POST /v1/auth/register',
  'POST /v1/auth/login',
  'POST /v1/auth/refresh',
  // The password may stand for the token.
  'POST /v1/auth/email-verification/confirm',
  'POST /v1/auth/password-reset/confirm',
  'POST /v1/auth/invitation/accept',
  'POST /v1/auth/email-change/confirm',
  'POST /v1/auth/email-change/undo',
  'GET /.well-known/jwks.json',
  'GET /health/live',
  'GET /health/serving',
  'GET /health/ready',
]);

const machine: Principal = {
  kind: 'user',
  roles: [],
  claims: {},
  userId: '01920000-0000-7000-8000-000000000001',
  email: 'machine@example.com',
  emailVerified: false,
  sessionId: '01920000-0000-7000-8000-000000000002',
  tokenId: 'none',
  clientId: 'machine',
  expiresAt: new Date(4e12),
};

class ApiKey extends Strategy {
  override authenticate(request: { headers: Record<string, unknown> }): void {
    if (request.headers['x-api-key'] === 'open sesame') this.success(machine);
    else if (request.headers['x-api-key'] === 'whatever') this.pass();
    else this.fail(401);
  }
}

@Injectable()
class ApiKeyStrategy extends PassportStrategy(ApiKey, 'api-key') {
  validate(): void {}
}

@Controller('v1/tests')
class TestsController {
  @Get('guarded')
  guarded(@CurrentUser() user: Principal): object {
    return { userId: user.userId };
  }

  @Get('with-guard')
  @UseGuards(JwtAuthGuard)
  withGuard(@CurrentUser() user: Principal): object {
    return { userId: user.userId };
  }

  @Get('guard-on-public')
  @Public()
  @UseGuards(JwtAuthGuard)
  contradictory(): object {
    return {};
  }

  @Get('public')
  @Public()
  open(): object {
    return { open: true };
  }

  @Get('by-key')
  @Authenticated('api-key')
  byKey(@CurrentUser() user: Principal): object {
    return { clientId: user.clientId };
  }

  @Get('by-key-alone')
  @Authenticated('api-key')
  byKeyAlone(): object {
    return {};
  }
}

@Module({ controllers: [TestsController], providers: [ApiKeyStrategy] })
class TestsModule {}

let app: TestApp;
const cleanups: (() => Promise<void>)[] = [];

beforeAll(async () => {
  app = await startApp({ ...application, features: [TestsModule, ...features] }, (clean) => cleanups.unshift(clean));
});
afterAll(async () => {
  for (const clean of cleanups) await clean();
});

async function challenge(headers: Record<string, string>): Promise<string | null> {
  return (await app.call('GET', '/v1/auth/me', { headers })).headers.get('www-authenticate');
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** Runs the authentication hook on a header, without a server. */
function runAuthenticationHook(authorization: string): { user: unknown; isDoneAtOnce: boolean; promises: number } {
  const addHook = vi.fn<(name: string, hook: (request: object, reply: object, done: () => void) => void) => void>();
  app.nest
    .get(AuthenticationHook, { strict: false })
    .addAuthenticationHook({ decorate() {}, decorateRequest() {}, addHook } as unknown as FastifyInstance);
  const [, hook] = addHook.mock.lastCall ?? [];
  const request = { headers: { authorization }, routeOptions: { config: {} }, user: undefined };
  let [isDone, promises] = [false, 0];
  const promiseHook = createHook({ init: (_id, type) => void (promises += Number(type === 'PROMISE')) }).enable();
  hook?.(request, {}, () => (isDone = true));
  promiseHook.disable();
  return { user: request.user, isDoneAtOnce: isDone, promises };
}

describe('a token that was verified before', () => {
  it('becomes invalid when any character changes (TOK-04)', { timeout: 60_000 }, async () => {
    const { token } = await app.signIn();
    expect((await app.me(token)).status).toBe(200);
    for (let at = 0; at < token.length; at++) {
      const flipped = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
      expect([at, (await app.me(flipped)).status]).toEqual([at, 401]);
    }
    expect((await app.me(token)).status).toBe(200);
  });

  it('is accepted synchronously from memory, without a promise', async () => {
    const { token, userId } = await app.signIn();
    await app.me(token);
    const { user, ...how } = runAuthenticationHook(`Bearer ${token}`);
    expect(how).toEqual({ isDoneAtOnce: true, promises: 0 });
    expect(user).toMatchObject({ userId });
  });

  it('has one cache entry for any letter case of the scheme', async () => {
    const { token } = await app.signIn();
    const cachedTokens = (): number => app.nest.get(AccessTokenVerifier, { strict: false }).tokenCacheStats().tokens;
    const before = cachedTokens();
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      const answer = await app.call('GET', '/v1/auth/me', { headers: { authorization: `${scheme} ${token}` } });
      expect(answer.status).toBe(200);
    }
    expect(cachedTokens()).toBe(before + 1);
  });

  it('is verified each time when the cache size is 0', async () => {
    const withoutCache = await startApp({ changes: { tokenCacheBytes: 0 } });
    const { token } = await withoutCache.signIn();
    for (let time = 0; time < 2; time++) expect((await withoutCache.me(token)).status).toBe(200);
    expect(withoutCache.nest.get(AccessTokenVerifier, { strict: false }).tokenCacheStats()).toEqual({
      tokens: 0,
      bytes: 0,
      hits: 0,
      misses: 2,
    });
  });

  it('leaves the cache unchanged when it is refused: garbage and forgeries are not cached', async () => {
    const { token } = await app.signIn();
    const cachedTokens = (): number => app.nest.get(AccessTokenVerifier, { strict: false }).tokenCacheStats().tokens;
    const before = cachedTokens();
    for (const bad of ['x', 'x.y.z', `${token}x`, token.slice(0, -2)]) expect((await app.me(bad)).status).toBe(401);
    expect(cachedTokens()).toBe(before);
  });
});

const ISSUER = 'http://127.0.0.1:3000';

describe("a token signed with the service's own key", () => {
  it.each([
    ['no issuer', { iss: undefined }],
    ['another issuer', { iss: 'https://other.example' }],
    ['the configured issuer as a prefix', { iss: `${ISSUER}/other` }],
    ['the configured issuer with a slash', { iss: `${ISSUER}/` }],
    ['the configured issuer in capitals', { iss: ISSUER.toUpperCase() }],
    ['a list with the configured issuer', { iss: [ISSUER] }],
    ['no audience', { aud: undefined }],
    ['another audience', { aud: 'https://other.example' }],
    ['an empty audience', { aud: '' }],
    ['an empty list of audiences', { aud: [] }],
    ['a list of other audiences', { aud: ['https://other.example', `${ISSUER}/`] }],
    ['a list with a number', { aud: [ISSUER, 1] }],
    ['an object as audience', { aud: { 0: ISSUER } }],
  ])('is refused on every guarded route if it has %s (TOK-05)', async (_case, changes) => {
    const token = await app.signTokenWith(changes);
    for (const answer of [
      await app.me(token),
      await app.call('GET', '/v1/users/me', { token }),
      await app.logout(token),
    ]) {
      expect([answer.status, answer.body['code']]).toEqual([401, 'token_invalid']);
    }
  });

  it.each([[{}], [{ aud: [ISSUER] }], [{ aud: ['https://other.example', ISSUER] }]])(
    'is accepted with the configured issuer and audience: %j (TOK-05)',
    async (changes) => {
      expect((await app.me(await app.signTokenWith(changes))).status).toBe(200);
    },
  );

  it.each([
    ['issuer', { issuer: 'https://other.example', audience: ISSUER }],
    ['audience', { audience: 'https://other.example' }],
  ])('for another %s is refused by a node on the same database (TOK-05)', async (_name, changes) => {
    const other = await startApp({ databaseUrl: app.databaseUrl, changes });
    const [theirs, ours] = [await other.signIn(), await app.signIn()];
    expect([(await other.me(theirs.token)).status, (await app.me(ours.token)).status]).toEqual([200, 200]);
    for (const answer of [await app.me(theirs.token), await other.me(ours.token)]) {
      expect([answer.status, answer.body['code']]).toEqual([401, 'token_invalid']);
    }
  });
});

async function issueTokens(node: TestApp, count: number): Promise<string[]> {
  const { userId, email, sessionId } = await node.signIn();
  const tokens = node.nest.get(AccessTokenIssuer, { strict: false });
  const user = { id: userId, email, emailVerified: false, roles: [], version: 0 };
  return Array.from({ length: count }, () => tokens.issueAccessToken(user, sessionId).accessToken);
}

/** A well-formed token with an invalid signature. */
function forge(token: string): string {
  return `${token.slice(0, -20)}${token.slice(-40, -20)}`;
}

function isAsynchronous(outcome: unknown): outcome is Promise<unknown> {
  return outcome instanceof Promise;
}

describe('many new tokens at once', () => {
  it('are verified on the thread pool after the first, each once', async () => {
    const verifier = app.nest.get(AccessTokenVerifier, { strict: false });
    const tokens = await issueTokens(app, 12);
    const before = verifier.tokenCacheStats().tokens;
    const outcomes = tokens.map((token) => verifier.verifyAccessToken(token));
    const again = tokens.map((token) => verifier.verifyAccessToken(token));
    expect(outcomes.map(isAsynchronous)).toEqual(tokens.map((_token, index) => index >= 1));
    for (const [index, outcome] of outcomes.entries()) expect(await again[index]).toBe(await outcome);
    expect(verifier.tokenCacheStats().tokens).toBe(before + tokens.length);
    expect(isAsynchronous(verifier.verifyAccessToken(tokens.at(-1) ?? ''))).toBe(false);
  });

  it('are refused on the thread pool as on the event loop, and garbage before it gets there', async () => {
    const verifier = app.nest.get(AccessTokenVerifier, { strict: false });
    const [token = '', ...others] = await issueTokens(app, 5);
    const [header, claims, signature = ''] = token.split('.');
    const forged = `${header}.${claims}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    for (const other of others) void verifier.verifyAccessToken(other);
    const refusals = [forged, 'x.y.z'].map((bad) => verifier.verifyAccessToken(bad));
    expect(refusals.map(isAsynchronous)).toEqual([true, false]);
    for (const refusal of refusals) expect(await refusal).toMatchObject({ kind: { code: 'token_invalid' } });
  });

  it('are refused if their key is revoked meanwhile', async () => {
    const node = await startApp();
    const verifier = node.nest.get(AccessTokenVerifier, { strict: false });
    const tokens = await issueTokens(node, 5);
    const keyRing = node.nest.get(KeyRing, { strict: false });
    const last = tokens.map((token) => verifier.verifyAccessToken(token)).at(-1);
    expect(isAsynchronous(last)).toBe(true);
    keyRing.distrustKey(keyRing.signingKey.kid);
    expect(await last).toMatchObject({ kind: { code: 'token_invalid' } });
    expect(verifier.tokenCacheStats().tokens).toBe(1);
    for (const token of tokens) expect((await node.me(token)).status).toBe(401);
    expect(verifier.tokenCacheStats().tokens).toBe(0);
  });

  it('identify their own user each, with forgeries among them', async () => {
    const tokens = app.nest.get(AccessTokenIssuer, { strict: false });
    const users = Array.from({ length: 50 }, () => ({
      id: randomUUID(),
      email: `${randomUUID()}@example.com`,
      roles: [],
      version: 0,
      emailVerified: false,
    }));
    // inject() handles all requests in one turn of the event loop, unlike sockets.
    const ask = (token: string) =>
      app.nest.inject({ url: '/v1/auth/me', headers: { authorization: `Bearer ${token}` } });
    const [answers, refusals] = await Promise.all([
      Promise.all(users.map((user) => ask(tokens.issueAccessToken(user, randomUUID()).accessToken))),
      Promise.all(users.map((user) => ask(forge(tokens.issueAccessToken(user, randomUUID()).accessToken)))),
    ]);
    const callers = answers.map((answer) => answer.json<{ userId: string; email: string }>());
    expect(
      callers.map(({ userId, email }) => ({ id: userId, email, roles: [], version: 0, emailVerified: false })),
    ).toEqual(users);
    expect(refusals.map(({ statusCode }) => statusCode)).toEqual(users.map(() => 401));
  });
});

/** A token in a place where it must not be accepted. */
interface MisplacedToken {
  readonly query?: string;
  readonly json?: object;
  readonly form?: string;
  readonly headers?: Record<string, string>;
}

/** The written list, and the routes of `src/features.ts` that their decorators make public. */
async function publicRoutes(): Promise<Set<string>> {
  const own = (await routesOfFeatures()).filter(({ operation }) => operation.security?.length === 0);
  return new Set([...PUBLIC, ...own.map(({ method, path }) => `${method} ${path}`)]);
}

async function documentedRoutes(): Promise<{ method: string; path: string }[]> {
  const { body } = await app.call('GET', '/openapi.json');
  const paths = body['paths'] as Record<string, Record<string, { security: unknown[] }>>;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ path, method: method.toUpperCase() })),
  );
}

describe('authentication', () => {
  it('is required on every route that is not on the written public list', async () => {
    const routes = await documentedRoutes();
    const ours = routes.filter(({ path }) => !path.startsWith('/v1/tests'));
    expect(ours.length).toBeGreaterThan(PUBLIC.size);
    const open = await publicRoutes();
    for (const { path, method } of ours) {
      const { status } = await app.call(method, path);
      expect([`${method} ${path}`, status === 401]).toEqual([`${method} ${path}`, !open.has(`${method} ${path}`)]);
    }
  });

  it('is required on a new route, which accepts a token', async () => {
    const { token } = await app.signIn();
    expect((await app.call('GET', '/v1/tests/guarded')).body['code']).toBe('token_missing');
    expect((await app.call('GET', '/v1/tests/guarded', { token })).status).toBe(200);
    expect((await app.call('GET', '/v1/tests/public')).body).toEqual({ open: true });
  });

  it('is also required by JwtAuthGuard, on guarded and on public routes', async () => {
    const { token, userId } = await app.signIn();
    expect((await app.call('GET', '/v1/tests/with-guard')).body['code']).toBe('token_missing');
    expect((await app.call('GET', '/v1/tests/with-guard', { token })).body).toEqual({ userId });
    expect((await app.call('GET', '/v1/tests/guard-on-public')).body['code']).toBe('token_missing');
  });

  it('fails if a Passport strategy passes without a decision', async () => {
    const headers = { 'x-api-key': 'whatever' };
    const answer = await app.call('GET', '/v1/tests/by-key-alone', { headers });
    expect([answer.status, answer.body['code']]).toEqual([401, 'token_missing']);
    const known = await app.call('GET', '/v1/tests/by-key-alone', { headers: { 'x-api-key': 'open sesame' } });
    expect(known.status).toBe(200);
  });

  it('uses another Passport strategy on a route, which then accepts no token', async () => {
    const { token } = await app.signIn();
    const byKey = await app.call('GET', '/v1/tests/by-key', { headers: { 'x-api-key': 'open sesame' } });
    expect([byKey.status, byKey.body]).toEqual([200, { clientId: 'machine' }]);
    expect((await app.call('GET', '/v1/tests/by-key', { token })).status).toBe(401);
    expect((await app.call('GET', '/v1/tests/guarded', { headers: { 'x-api-key': 'open sesame' } })).status).toBe(401);
  });

  it('challenges without an error code if no token was sent, and with invalid_token for a bad token', async () => {
    expect(await challenge({})).toBe('Bearer realm="gatehouse"');
    expect(await challenge({ authorization: 'Basic YTpi' })).toBe('Bearer realm="gatehouse"');
    expect(await challenge({ authorization: 'Bearer nonsense' })).toBe(
      'Bearer realm="gatehouse", error="invalid_token"',
    );
    expect(await challenge({ authorization: 'Bearer' })).toBe('Bearer realm="gatehouse", error="invalid_token"');
  });

  it.each([
    ['the query', (token: string) => ({ query: `?access_token=${token}` })],
    ['a cookie', (token: string) => ({ headers: { cookie: `access_token=${token}; token=${token}` } })],
    ['a body', (token: string) => ({ json: { access_token: token } })],
    ['a form body', (token: string) => ({ form: `access_token=${token}` })],
    ['X-Access-Token', (token: string) => ({ headers: { 'x-access-token': token } })],
    ['Proxy-Authorization', (token: string) => ({ headers: { 'proxy-authorization': `Bearer ${token}` } })],
    ['Authorization without its scheme', (token: string) => ({ headers: { authorization: token } })],
    ['Authorization of another scheme', (token: string) => ({ headers: { authorization: `Token ${token}` } })],
  ] as [string, (token: string) => MisplacedToken][])(
    'never reads a token from %s, on any route (API-02)',
    async (_case, misplace) => {
      const { token, sessionId } = await app.signIn();
      const { query = '', json, form, headers } = misplace(token);
      const verifier = app.nest.get(AccessTokenVerifier, { strict: false });
      const before = verifier.tokenCacheStats();
      const ours = (await documentedRoutes()).filter(({ path }) => !path.startsWith('/v1/tests'));
      const open = await publicRoutes();
      const guarded = ours.filter(({ method, path }) => !open.has(`${method} ${path}`));
      expect(guarded.length).toBeGreaterThan(6);
      for (const { method, path } of guarded) {
        const body = method === 'GET' ? undefined : (form ?? (json === undefined ? undefined : JSON.stringify(json)));
        const type = form === undefined ? 'application/json' : 'application/x-www-form-urlencoded';
        const { status } = await fetch(`${app.url}${path.replace('{id}', sessionId)}${query}`, {
          method,
          headers: { ...headers, ...(body !== undefined && { 'content-type': type }) },
          ...(body !== undefined && { body }),
        });
        expect([method, path, status]).toEqual([method, path, expect.toBeOneOf([400, 401, 415])]);
      }
      // The verifier was not even called.
      expect(verifier.tokenCacheStats()).toEqual(before);
      expect((await app.me(token)).status).toBe(200);
    },
  );

  it('refuses tokens forged from a valid token and the published key', async () => {
    const { token } = await app.signIn();
    const [header = '', claims = '', signature = ''] = token.split('.');
    const { keys } = (await app.call('GET', '/.well-known/jwks.json')).body as { keys: JsonWebKeyInput['key'][] };
    const publicPem = createPublicKey({ key: keys[0] ?? {}, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string };
    const confused = `${encode({ alg: 'HS256', typ: 'at+jwt', kid })}.${claims}`;
    const richer = encode({ ...(JSON.parse(Buffer.from(claims, 'base64url').toString()) as object), email: 'x@y.z' });
    const forged = [
      `${encode({ alg: 'none', typ: 'at+jwt', kid })}.${claims}.`,
      `${confused}.${createHmac('sha256', publicPem).update(confused).digest('base64url')}`,
      `${header}.${richer}.${signature}`,
      `${header}.${claims}.${signature.slice(0, -4)}AAAA`,
      `${header}.${claims}`,
      ` ${token}x`,
    ];
    for (const text of forged) {
      const { status, body } = await app.call('GET', '/v1/auth/me', { token: text });
      expect([text, status, body['code']]).toEqual([text, 401, 'token_invalid']);
    }
  });

  it('refuses before the body is read', async () => {
    const { hostname, port } = new URL(app.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      'GET /v1/users/me HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n{',
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 401 /);
  });

  it('answers an expired token with token_expired', async () => {
    const shortLived = await startApp({ changes: { accessTokenTtlSeconds: 1, clockToleranceSeconds: 0 } });
    const { token } = await shortLived.signIn();
    await expect
      .poll(async () => (await shortLived.call('GET', '/v1/auth/me', { token })).body['code'], { timeout: 5000 })
      .toBe('token_expired');
  });

  it('makes no database query on GET /v1/auth/me', async () => {
    const { token } = await app.signIn();
    // Reads the last query of the application's pool connections.
    const lastQuery = async (): Promise<unknown> => {
      const [row] = await app.query<{ last: string }>(
        `SELECT max(query_start)::text || ' ' || count(*) AS last FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'gatehouse'`,
      );
      return row?.last;
    };
    const before = await lastQuery();
    for (let call = 0; call < 20; call++) expect((await app.call('GET', '/v1/auth/me', { token })).status).toBe(200);
    expect(await lastQuery()).toBe(before);
    await app.call('GET', '/v1/users/me', { token });
    expect(await lastQuery()).not.toBe(before);
  });
});

describe('error responses', () => {
  it('are problem+json for unknown paths, wrong methods and malformed bodies', async () => {
    const unknown = await app.call('GET', '/v1/nothing');
    expect([unknown.status, unknown.body['code']]).toEqual([404, 'not_found']);
    const method = await app.call('DELETE', '/v1/auth/me');
    expect([method.status, method.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    const response = await fetch(`${app.url}/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"email":',
    });
    expect([response.status, response.headers.get('content-type')]).toEqual([
      400,
      'application/problem+json; charset=utf-8',
    ]);
  });

  it('are 503 with Retry-After, never 401, without a database, and guarded routes are served', async () => {
    const isolated = await startApp();
    const { email, token, refreshToken } = await isolated.signIn();
    const passwords = { currentPassword: PASSWORD, newPassword: 'another long passphrase' };
    const post = (path: string, json?: unknown): Promise<Answer> =>
      isolated.call('POST', path, { token, ...(json === undefined ? {} : { json }) });
    const [name] = await isolated.query<{ name: string }>('SELECT current_database() AS name');
    await app.query(`ALTER DATABASE ${name?.name} WITH ALLOW_CONNECTIONS false`);
    await app.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name?.name]);
    for (const answer of [
      await isolated.login(email),
      await isolated.register(`new-${email}`),
      await isolated.refresh(refreshToken),
      await post('/v1/auth/logout'),
      await post('/v1/auth/logout?scope=global'),
      await post('/v1/users/me/password', passwords),
      await post('/v1/users/me/deletion', { currentPassword: PASSWORD }),
      await isolated.call('GET', '/v1/auth/sessions', { token }),
      await isolated.call('GET', '/v1/users/me', { token }),
      await isolated.call('GET', '/v1/users/me/export', { token }),
      await isolated.call('PATCH', '/v1/users/me', { token, json: { profile: {} } }),
      await isolated.call('GET', '/health/ready'),
    ]) {
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    }
    expect((await isolated.call('GET', '/v1/auth/me', { token })).status).toBe(200);
    expect((await isolated.call('GET', '/health/live')).status).toBe(200);
  });
});
