import { Controller, Get, Module } from '@nestjs/common';
import { Agent, METHODS, request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Public } from '../../src/access/route-access.decorators.js';
import { internalError, serviceUnavailable } from '../../src/problems/http-status.problems.js';
import { SECURITY_HEADERS, STRICT_TRANSPORT_SECURITY } from '../../src/http/response-headers.js';
import { PASSWORD, afterAllTests, startApp, type TestApp } from '../support/app.js';
import { application, features } from '../support/feature-routes.js';
import type { SignedIn } from '../support/client.js';

const UNKNOWN_ID = '01920000-0000-7000-8000-000000000001';
const ORIGIN = 'https://app.example.com';
const ISSUER = 'https://accounts.example.com';

@Controller('v1/broken')
class BrokenController {
  @Get()
  @Public()
  fail(): never {
    throw new Error('m4rker');
  }
}

@Module({ controllers: [BrokenController] })
class BrokenModule {}

interface Raw {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
interface Asked {
  readonly token?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
}

let app: TestApp;
let user: SignedIn;
/** Methods by path, from the OpenAPI document. */
let routes: [path: string, methods: string[]][];
const agent = new Agent({ keepAlive: true, maxSockets: 10 });
const onFinished = afterAllTests();

beforeAll(async () => {
  const changes = { issuer: ISSUER, audience: ISSUER };
  app = await startApp({ ...application, changes, features: [BrokenModule, ...features] }, onFinished);
  user = await app.signIn();
  const { paths } = (await app.call('GET', '/openapi.json')).body as { paths: Record<string, object> };
  routes = Object.entries(paths).map(([path, methods]) => [
    path,
    Object.keys(methods).map((each) => each.toUpperCase()),
  ]);
});
afterAll(() => agent.destroy());

/** Sends any method and headers: fetch would refuse some. */
function ask(method: string, path: string, { token, headers = {}, body }: Asked = {}, url = app.url): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const length = 'transfer-encoding' in headers ? {} : { 'content-length': Buffer.byteLength(body ?? '') };
    const type = body === undefined ? {} : { 'content-type': 'application/json', ...length };
    const asking = request(`${url}${path}`, { agent, method, headers: { ...type, ...authorization, ...headers } });
    asking.on('error', reject).on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    asking.end(body);
  });
}

/** The path with an id for each parameter. */
const withSessionId = (path: string): string => path.replaceAll(/\{[^}]+\}/g, user.sessionId);

describe('request methods', () => {
  it('not allowed on a path are 405 with the allowed ones, with or without a token (API-08)', async () => {
    expect(routes.length).toBeGreaterThan(10);
    for (const [path, methods] of routes) {
      const known = methods.includes('GET') ? [...methods, 'HEAD'] : methods;
      const unknown = METHODS.filter((method) => method !== 'CONNECT' && !known.includes(method));
      const answers = await Promise.all(
        unknown.map(async (method, index) => {
          const { status, headers } = await ask(method, withSessionId(path), index % 2 === 0 ? user : {});
          return `${method} ${status} ${headers.allow}`;
        }),
      );
      const refusals = unknown.map((method) => `${method} 405 ${known.toSorted().join(', ')}`);
      expect([path, answers]).toEqual([path, refusals]);
    }
  });

  it('include HEAD, which is answered like GET without the body (API-08)', async () => {
    const paths = routes.filter(([, methods]) => methods.includes('GET')).map(([path]) => withSessionId(path));
    expect(paths.length).toBeGreaterThan(6);
    for (const path of [...paths, '/openapi.json', '/docs', '/nothing']) {
      for (const asked of [{}, { token: user.token }]) {
        const [full, head] = [await ask('GET', path, asked), await ask('HEAD', path, asked)];
        expect([path, head.status, head.body]).toEqual([path, full.status, '']);
        expect([path, stableHeaders(head.headers)]).toEqual([path, stableHeaders(full.headers)]);
      }
    }
  });
});

/** The headers without those that differ per response, or that HEAD may lack (RFC 9110 section 9.3.2). */
function stableHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return { ...headers, 'x-request-id': undefined, date: undefined, 'transfer-encoding': undefined };
}

/** A preflight from an allowed origin. */
async function preflight(): Promise<Raw> {
  const { url } = await startApp({ databaseUrl: app.databaseUrl, changes: { issuer: ISSUER, corsOrigins: [ORIGIN] } });
  return ask('OPTIONS', '/v1/auth/me', { headers: { origin: ORIGIN, 'access-control-request-method': 'GET' } }, url);
}

describe('security headers', () => {
  it.each([
    ['a success', 200, () => ask('GET', '/v1/auth/me', user)],
    ['no content', 204, async () => ask('POST', '/v1/auth/logout', await app.signIn())],
    ['an unchanged resource', 304, () => ask('GET', '/.well-known/jwks.json', { headers: { 'if-none-match': '*' } })],
    ['HEAD', 200, () => ask('HEAD', '/v1/auth/me', user)],
    ['OPTIONS', 405, () => ask('OPTIONS', '/v1/auth/me')],
    ['a preflight', 204, preflight],
    ['the documentation', 200, () => ask('GET', '/docs')],
    ['the OpenAPI document', 200, () => ask('GET', '/openapi.json')],
    ['no token', 401, () => ask('GET', '/v1/auth/me')],
    ['an unknown path', 404, () => ask('GET', '/nothing')],
    ['a path that cannot be decoded', 400, () => ask('GET', '/v1/%zz')],
    ['too long a path', 414, () => ask('GET', `/${'x'.repeat(5000)}`)],
    ['a wrong method', 405, () => ask('DELETE', '/v1/auth/me')],
    ['too large a body', 413, () => ask('POST', '/v1/auth/login', { body: ' '.repeat(20_000) })],
    ['too large a header section', 431, () => ask('GET', '/health/live', { headers: { x: 'x'.repeat(20_000) } })],
    ['an expectation', 417, () => ask('GET', '/health/live', { headers: { expect: 'miracles' } })],
    ['an internal error', 500, () => ask('GET', '/v1/broken')],
  ])('are on the response to %s (API-09)', async (_case, status, send) => {
    const { headers, ...answer } = await send();
    expect(answer.status).toBe(status);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'strict-transport-security': STRICT_TRANSPORT_SECURITY,
      'content-security-policy': expect.stringMatching(/^default-src 'none';.*frame-ancestors 'none'/) as string,
      'cache-control': expect.any(String) as string,
      'x-request-id': expect.stringMatching(/^[\da-f-]{36}$/) as string,
    });
    expect(Object.keys(SECURITY_HEADERS).filter((name) => !(name in headers))).toEqual([]);
    expect(Object.keys(headers).filter((name) => /^(?:server|via|x-powered-by)/.test(name))).toEqual([]);
  });
});

describe('a request body', () => {
  it.each([
    ['/v1/auth/refresh', 3000, 'POST'],
    ['/v1/auth/logout', 3000, 'POST'],
    ['/v1/auth/login', 16_385, 'POST'],
    ['/v1/auth/register', 16_385, 'POST'],
    ['/v1/users/me', 16_385, 'PATCH'],
    ['/v1/users/me/password', 27_171, 'POST'],
    ['/v1/users/me/deletion', 16_385, 'POST'],
  ])('for %s is refused from %i bytes on before it is parsed (API-06)', async (path, size, method) => {
    const post = (body: string): Promise<Raw> => ask(method, path, { token: user.token, body });
    // Not JSON: a body that is parsed is 400.
    expect((await post('x'.repeat(size))).status).toBe(413);
    expect((await post('x'.repeat(1000))).status).toBe(400);
  });
});

const TYPES = [
  'application/json',
  'application/json; charset=utf-16',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/octet-stream',
  'image/png; q',
  'nonsense',
  ';',
  '',
];
/** Framings of a request without content. */
const NO_CONTENT = [{}, { 'content-length': '0' }, { 'transfer-encoding': 'chunked' }];

describe('a request without content', () => {
  it('is answered on every route as if it had no Content-Type (API-14)', async () => {
    for (const [path, methods] of routes) {
      for (const method of methods) {
        // With a valid token, a logout would end the session.
        const token = path.endsWith('/logout') ? 'x.y.z' : user.token;
        const target = path.replaceAll(/\{[^}]+\}/g, UNKNOWN_ID);
        const { status } = await ask(method, target, { token });
        expect([path, status === 415]).toEqual([path, false]);
        for (const framing of NO_CONTENT) {
          for (const type of TYPES) {
            const headers = { ...framing, 'content-type': type, 'content-encoding': 'gzip' };
            const answer = await ask(method, target, { token, headers });
            expect([method, path, headers, answer.status]).toEqual([method, path, headers, status]);
          }
        }
      }
    }
  });

  it.each(TYPES)('ends a session although its Content-Type is %j (API-14)', async (type) => {
    for (const framing of NO_CONTENT) {
      const headers = { ...framing, 'content-type': type };
      const { token, email } = await app.signIn();
      const other = await app.signInAs(email);
      const answers = [
        await ask('DELETE', `/v1/auth/sessions/${other.sessionId}`, { token, headers }),
        await ask('POST', '/v1/auth/logout', { token, headers }),
      ];
      expect(answers.map(({ status }) => status)).toEqual([204, 204]);
    }
  });

  it('differs from one with content of an unknown type, however that is sent (API-14)', async () => {
    const type = { 'content-type': 'text/plain' };
    for (const path of ['/v1/auth/login', '/v1/auth/logout']) {
      const sent = [
        await ask('POST', path, { token: user.token, body: 'a', headers: type }),
        await ask('POST', path, { token: user.token, body: 'a', headers: { 'content-type': '' } }),
        await ask('POST', path, { token: user.token, body: 'a', headers: { ...type, 'transfer-encoding': 'chunked' } }),
      ];
      expect([path, ...sent.map(({ status }) => status)]).toEqual([path, 415, 415, 415]);
    }
    expect((await ask('GET', '/v1/auth/me', user)).status).toBe(200);
  });
});

/** Makes every write raise this PostgreSQL error. */
const RAISE_ON_WRITE = (code: string): string => `
  CREATE OR REPLACE FUNCTION sabotage() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    RAISE EXCEPTION 'm4rker at /var/lib/postgresql' USING ERRCODE = '${code}', DETAIL = 'm4rker', HINT = 'm4rker';
  END $$;
  CREATE OR REPLACE TRIGGER sabotage BEFORE INSERT OR UPDATE OR DELETE ON users FOR EACH ROW EXECUTE FUNCTION sabotage();
  CREATE OR REPLACE TRIGGER sabotage BEFORE INSERT OR UPDATE OR DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION sabotage();`;

describe('a database error', () => {
  let failingApp: TestApp;
  let failingUser: SignedIn;
  beforeAll(async () => {
    failingApp = await startApp({}, onFinished);
    failingUser = await failingApp.signIn();
  });

  const broken = internalError();
  const away = serviceUnavailable();
  it.each([
    ['a check', '23514', broken],
    ['a foreign key', '23503', broken],
    ['a division', '22012', broken],
    ['privileges', '42501', broken],
    ['a missing table', '42P01', broken],
    ['damaged data', 'XX001', broken],
    ['RAISE EXCEPTION', 'P0001', broken],
    ['memory', '53200', away],
    ['a full disk', '53100', away],
    ['a cancelled statement', '57014', away],
    ['a lock', '55P03', away],
    ['a conflict', '40001', away],
  ])('about %s (%s) is not revealed in the response (API-04)', async (_case, code, { kind, headers }) => {
    const { email, token, refreshToken } = failingUser;
    await failingApp.query(RAISE_ON_WRITE(code));
    const json = { currentPassword: PASSWORD, newPassword: 'another long passphrase' };
    const deletion = await failingApp.call('POST', '/v1/users/me/deletion', {
      token,
      json: { currentPassword: PASSWORD },
    });
    const answers = [
      await failingApp.register('new@example.com'),
      await failingApp.login(email),
      await failingApp.refresh(refreshToken),
      await failingApp.logout(token),
      await failingApp.logout(token, 'global'),
      await failingApp.call('POST', '/v1/users/me/password', { token, json }),
      // A foreign key that forbids the deletion has a problem of its own.
      ...(code === '23503' ? [] : [deletion]),
    ];
    expect(JSON.stringify(deletion.body)).not.toContain('m4rker');
    const { title, status, detail } = kind;
    for (const answer of answers) {
      expect(answer.body).toEqual({
        type: `urn:gatehouse:problem:${kind.code}`,
        title,
        status,
        detail,
        instance: `urn:uuid:${answer.headers.get('x-request-id')}`,
        code: kind.code,
      });
      expect(answer.headers.get('retry-after')).toBe(headers['retry-after'] ?? null);
      expect(JSON.stringify([...answer.headers])).not.toMatch(/m4rker|postgres|prisma|sqlstate|\/var/i);
    }
  });
});
