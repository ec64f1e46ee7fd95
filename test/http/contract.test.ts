import { Ajv2020 } from 'ajv/dist/2020.js';
import { Controller, Get, Module } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EmailVerified, Public, Roles } from '../../src/access/route-access.decorators.js';
import { dropDatabase } from '../../src/database/create-database.js';
import type { ProblemKind } from '../../src/problems/problem.js';
import { UserView } from '../../src/users/user-view.schema.js';
import { SECURITY_HEADERS } from '../../src/http/response-headers.js';
import { ourSources } from '../project/layers.js';
import { InvitationsService } from '../../src/account/invitations.service.js';
import { UserRolesService } from '../../src/users/user-roles.service.js';
import { PASSWORD, startApp, type Answer, type TestApp } from '../support/app.js';
import { MailboxApp } from '../support/mailbox.js';
import { makeLinkToken } from '../support/one-time-links.js';

interface Operation {
  readonly requestBody?: { readonly required: boolean };
  readonly responses: Record<string, { content: Record<string, { schema: object }> }>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { schemas: Record<string, object> };
}
interface Called {
  /** As in the document, such as `GET /v1/auth/me`. */
  readonly route: string;
  readonly answer: Answer;
  /** Where the route is of a module of the test. */
  readonly document?: Document;
}

/** A handler that returns a whole database row. */
@Controller('v1/careless')
class CarelessController {
  @Get()
  @Public()
  @RouteSchema({ response: { 200: UserView } })
  row(): object {
    const row = { id: 'x', email: 'x', emailVerified: false, createdAt: 'x', roles: [], profile: {} };
    return { ...row, passwordHash: '$argon2id$', emailLower: 'x' };
  }
}

@Module({ controllers: [CarelessController] })
class CarelessModule {}

@Controller('v1/reports')
@Roles('admin')
class ReportsController {
  @Get()
  list(): object {
    return {};
  }
}

@Module({ controllers: [ReportsController] })
class ReportsModule {}

@Controller('v1/letters')
@EmailVerified()
class LettersController {
  @Get()
  list(): object {
    return {};
  }
}

@Module({ controllers: [LettersController] })
class VerifiedModule {}

let app: TestApp;
let document: Document;
const cleanups: (() => Promise<void>)[] = [];

beforeAll(async () => {
  ({ app } = await MailboxApp.start({}, (clean) => void cleanups.unshift(clean)));
  document = (await app.call('GET', '/openapi.json')).body as unknown as Document;
});
afterAll(async () => {
  for (const clean of cleanups) await clean();
});

function operation(route: string, of = document): Operation | undefined {
  const [method = '', path = ''] = route.split(' ');
  return of.paths[path]?.[method.toLowerCase()];
}

/** Calls every route once with valid input and credentials. */
async function callEveryRoute(): Promise<Called[]> {
  const { email, token, refreshToken } = await app.signIn();
  const [ended, leaving, leaver] = [await app.signInAs(email), await app.signInAs(email), await app.signIn()];
  const visit = async (
    method: string,
    path: string,
    options: { json?: unknown; token?: string } = {},
  ): Promise<Called> => ({
    route: `${method} ${path.replace(/[\da-f-]{36}$/, '{id}')}`,
    answer: await app.call(method, path, options),
  });
  const credentials = { email: `new-${email}`, password: PASSWORD };
  const passwords = { currentPassword: PASSWORD, newPassword: 'another long passphrase' };
  return [
    await visit('POST', '/v1/auth/register', { json: credentials }),
    await visit('POST', '/v1/auth/login', { json: credentials }),
    await visit('POST', '/v1/auth/refresh', { json: { refresh_token: refreshToken } }),
    ...(await Promise.all(
      [
        '/v1/auth/me',
        '/v1/auth/sessions',
        '/v1/users/me',
        '/v1/users/me/export',
        '/.well-known/jwks.json',
        '/health/live',
        '/health/serving',
        '/health/ready',
      ].map((path) => visit('GET', path, { token })),
    )),
    await visit('PATCH', '/v1/users/me', { token, json: { profile: { name: 'x' } } }),
    await visit('DELETE', `/v1/auth/sessions/${ended.sessionId}`, { token }),
    await visit('POST', '/v1/auth/logout', leaving),
    await visit('POST', '/v1/users/me/password', { token, json: passwords }),
    await visit('POST', '/v1/users/me/email', {
      token,
      json: { currentPassword: passwords.newPassword, newEmail: `other-${email}` },
    }),
    ...(await useEveryLink(visit)),
    await visit('POST', '/v1/users/me/deletion', { token: leaver.token, json: { currentPassword: PASSWORD } }),
  ];
}

/** Asks for mail and uses each kind of link, each of a user of its own. */
async function useEveryLink(
  visit: (method: string, path: string, options: object) => Promise<Called>,
): Promise<Called[]> {
  const called: Called[] = [];
  const post = async (path: string, json: object): Promise<void> => {
    called.push(await visit('POST', `/v1/auth/${path}`, { json }));
  };
  const user = await app.signIn();
  await post('email-verification', { email: user.email });
  await post('password-reset', { email: user.email });
  const verification = await makeLinkToken(app, 'email_verification', user);
  await post('email-verification/confirm', { token: verification, password: PASSWORD });
  const change = await makeLinkToken(app, 'email_change', { ...user, email: `changed-${user.email}` });
  await post('email-change/confirm', { token: change });
  await post('email-change/undo', { token: await makeLinkToken(app, 'email_undo', user) });
  const newPassword = 'another long passphrase';
  await post('password-reset/confirm', { token: await makeLinkToken(app, 'password_reset', user), newPassword });
  const invited = `${randomUUID()}@example.com`;
  await app.nest.get(InvitationsService, { strict: false }).inviteUser(invited);
  const [row] = await app.query<{ id: string }>('SELECT id FROM users WHERE email = $1', [invited]);
  const invitation = await makeLinkToken(app, 'invitation', { userId: row?.id ?? '', email: invited });
  await post('invitation/accept', { token: invitation, password: newPassword });
  return called;
}

describe('the OpenAPI document', () => {
  it('is OpenAPI 3.1 and clean under redocly’s recommended rules', { timeout: 60_000 }, async () => {
    expect(document.openapi).toMatch(/^3\.1\./);
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-openapi-'));
    writeFileSync(join(folder, 'openapi.json'), JSON.stringify(document));
    const { stdout } = await promisify(execFile)(
      resolve('node_modules/.bin/redocly'),
      ['lint', '--extends=recommended', '--format=json', 'openapi.json'],
      {
        cwd: folder,
        env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
      },
    ).catch((failure: { stdout: string }) => failure);
    expect(JSON.parse(stdout)).toMatchObject({ version: expect.any(String) as string, problems: [] });
    rmSync(folder, { recursive: true });
  });

  it('marks a body as optional only where a token can replace it', () => {
    const bodies = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.values(methods).map(({ requestBody }): [string, boolean | undefined] => [path, requestBody?.required]),
    );
    const withBody = bodies.filter(([, isRequired]) => isRequired !== undefined);
    expect(withBody.length).toBeGreaterThan(5);
    expect(withBody.filter(([, isRequired]) => !isRequired)).toEqual([['/v1/auth/logout', false]]);
  });

  it('lists every route', () => {
    const routes = ourSources()
      // Pages for people are not in the document.
      .filter((file) => file.endsWith('.controller.ts') && !file.startsWith('account-pages/'))
      .flatMap((file) => routesOf(readFileSync(`src/${file}`, 'utf8')));
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    // The registration of each mode.
    expect(documented.toSorted()).toEqual([...new Set(routes)].toSorted());
  });

  it('matches every successful response, which has declared fields only', async () => {
    const called = await callEveryRoute();
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(called.map(({ route }) => route).toSorted()).toEqual(documented.toSorted());
    for (const { route, answer } of called) {
      if (answer.status === 204 || answer.status === 202) {
        expect([route, answer.body, operation(route)?.responses['204']?.content]).toEqual([route, {}, undefined]);
        continue;
      }
      const schema = operation(route)?.responses[String(answer.status)]?.content['application/json']?.schema;
      expect([route, answer.status, schemaErrors(answer.body, schema)]).toEqual([route, answer.status, null]);
      expect([route, openObjects(schema)]).toEqual([route, []]);
    }
  });

  it('has one route whose response may be stored: the published keys (API-07)', async () => {
    const called = await callEveryRoute();
    const stored = called.filter(({ answer }) => answer.headers.get('cache-control') !== 'no-store');
    expect(stored.map(({ route, answer }) => [route, answer.headers.get('cache-control')])).toEqual([
      ['GET /.well-known/jwks.json', 'public, max-age=300'],
    ]);
    expect(called.length).toBe(Object.values(document.paths).flatMap((methods) => Object.keys(methods)).length);
    const bare = called.filter(({ answer }) => lacksHeaders(answer));
    expect(bare.map(({ route }) => route)).toEqual([]);
  });

  it('has no password hint, security question or expiry (PWD-06)', async () => {
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    const asked = new Set(operations.flatMap(({ requestBody }) => membersOf(requestBody)));
    const words = [
      'currentPassword',
      'deviceToken',
      'email',
      'newEmail',
      'newPassword',
      'password',
      'profile',
      'refresh_token',
      'token',
    ];
    expect([...asked].toSorted()).toEqual(words);
    const answered = new Set(operations.flatMap(({ responses }) => membersOf(responses)));
    expect([...answered].filter((name) => /password|hint|question/i.test(name))).toEqual([]);
    const codes = (await definedKinds()).map(({ code }) => code).filter((code) => code.startsWith('password_'));
    expect(codes).toEqual(['password_common', 'password_contextual', 'password_too_long', 'password_too_short']);
    const columns = await app.query<{ column: string }>(
      `SELECT column_name AS column FROM information_schema.columns WHERE table_name = 'users'`,
    );
    const kept = ['app_data', 'created_at', 'disabled_at', 'email', 'email_lower', 'email_verified_at', 'id'].concat([
      'password_hash',
      'profile',
      'roles',
      'version',
    ]);
    expect(columns.map(({ column }) => column).toSorted()).toEqual(kept);
  });

  it('is served with its documentation page only if DOCS is on', async () => {
    const closed = await startApp({ databaseUrl: app.databaseUrl, changes: { docs: false } });
    for (const path of ['/openapi.json', '/docs', '/docs/json']) {
      expect([path, (await closed.call('GET', path)).status]).toEqual([path, 404]);
    }
    const page = await fetch(`${app.url}/docs`);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(await page.text()).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
  });
});

it('no route for administration, metrics or health details exists (API-11)', async () => {
  const closed = await startApp({ changes: { docs: false } });
  const { token } = await closed.signIn();
  for (const path of [
    '/metrics',
    '/health',
    '/health/details',
    '/admin',
    '/v1/admin',
    '/v1/users',
    '/v1/keys',
    '/debug',
  ]) {
    expect([path, (await closed.call('GET', path, { token })).status]).toEqual([path, 404]);
  }
  for (const path of ['/health/live', '/health/serving', '/health/ready']) {
    expect((await closed.call('GET', path)).body).toEqual({ status: 'ok' });
  }
  await dropDatabase(app.databaseUrl, new URL(closed.databaseUrl).pathname.slice(1));
  const { status, body } = await closed.call('GET', '/health/ready');
  expect([status, body['detail']]).toEqual([503, 'The service cannot answer at the moment. Try again shortly.']);
});

it('a response omits what its schema does not declare', async () => {
  const careless = await startApp({ features: [CarelessModule] });
  expect((await careless.call('GET', '/v1/careless')).body).toEqual({
    id: 'x',
    email: 'x',
    emailVerified: false,
    createdAt: 'x',
    roles: [],
    profile: {},
  });
});

describe('every problem code', () => {
  /** How to provoke each code. Codes without a route in the document are only in the table of docs/api.md. */
  const provocations: Record<string, () => Promise<Called>> = {
    body_too_large: () => register({ email: 'a@example.com', password: 'x'.repeat(17_000) }),
    credentials_invalid: () =>
      call('POST', '/v1/auth/login', { json: { email: 'nobody@example.com', password: PASSWORD } }),
    email_taken: async () => {
      const { email } = await app.signIn();
      return register({ email, password: PASSWORD });
    },
    email_unverified: async () => {
      const guarded = await startApp({ features: [VerifiedModule] });
      const { token } = await guarded.signIn();
      return {
        route: 'GET /v1/letters',
        answer: await guarded.call('GET', '/v1/letters', { token }),
        document: (await guarded.call('GET', '/openapi.json')).body as unknown as Document,
      };
    },
    expectation_failed: () =>
      sendRaw('GET', '/health/live', 'Host: x\r\nConnection: close\r\nExpect: miracles\r\n\r\n'),
    forbidden: async () => {
      const guarded = await startApp({ features: [ReportsModule] });
      const { token } = await guarded.signIn();
      return {
        route: 'GET /v1/reports',
        answer: await guarded.call('GET', '/v1/reports', { token }),
        document: (await guarded.call('GET', '/openapi.json')).body as unknown as Document,
      };
    },
    headers_too_large: () => sendRaw('GET', '/health/live', `Host: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`),
    insufficient_user_authentication: async () => {
      const { sessionId, token } = await app.signIn();
      await app.query(`UPDATE sessions SET created_at = now() - interval '11 minutes' WHERE id = $1`, [sessionId]);
      return call('GET', '/v1/users/me/export', { headers: { authorization: `Bearer ${token}` } });
    },
    internal_error: async () => {
      const broken = await startApp();
      const { token } = await broken.signIn();
      await broken.query('ALTER TABLE users RENAME COLUMN email TO renamed');
      return { route: 'GET /v1/users/me', answer: await broken.call('GET', '/v1/users/me', { token }) };
    },
    json_malformed: () => call('POST', '/v1/auth/login', { text: '{"email":' }),
    mail_token_expired: async () => {
      const token = await makeLinkToken(app, 'password_reset', await app.signIn());
      await app.query('UPDATE one_time_tokens SET expires_at = now()');
      return call('POST', '/v1/auth/password-reset/confirm', { json: { token, newPassword: PASSWORD } });
    },
    mail_token_invalid: () => call('POST', '/v1/auth/email-change/undo', { json: { token: 'none' } }),
    media_type_unsupported: () => call('POST', '/v1/auth/login', { text: 'a=b', type: 'text/plain' }),
    method_not_allowed: () => call('PUT', '/v1/auth/login', {}),
    not_found: () => call('GET', '/v1/nothing', {}),
    password_common: () => registerWithPassword('passwordpassword'),
    password_contextual: () => registerWithPassword('gatehousegatehouse'),
    password_too_long: () => registerWithPassword('x1'.repeat(129)),
    password_too_short: () => registerWithPassword('short'),
    refresh_token_expired: async () => {
      const { sessionId, refreshToken } = await app.signIn();
      await app.query(`UPDATE sessions SET refreshed_at = now() - interval '14 days' WHERE id = $1`, [sessionId]);
      return refresh(refreshToken);
    },
    refresh_token_invalid: () => refresh('x'),
    refresh_token_reused: async () => {
      const { sessionId, refreshToken } = await app.signIn();
      await app.query('UPDATE sessions SET refresh_counter = 2 WHERE id = $1', [sessionId]);
      return refresh(refreshToken);
    },
    registration_closed: async () => {
      const closed = await startApp({ changes: { registration: 'closed' } });
      return {
        route: 'POST /v1/auth/register',
        answer: await closed.register('ada@example.com'),
        document: (await closed.call('GET', '/openapi.json')).body as unknown as Document,
      };
    },
    request_malformed: () => sendRaw('GET', '/health/live', 'Host: x\r\nX : y\r\n\r\n'),
    request_timeout: () => sendRaw('GET', '/health/live', 'Host: x\r\nX: '),
    service_unavailable: async () => {
      const isolated = await startApp();
      await dropDatabase(app.databaseUrl, new URL(isolated.databaseUrl).pathname.slice(1));
      return { route: 'GET /health/ready', answer: await isolated.call('GET', '/health/ready') };
    },
    token_expired: async () => {
      const shortLived = await startApp({ changes: { accessTokenTtlSeconds: 1, clockToleranceSeconds: 0 } });
      const { token } = await shortLived.signIn();
      const answer = (): Promise<Answer> => shortLived.call('GET', '/v1/auth/me', { token });
      await expect.poll(async () => (await answer()).status).toBe(401);
      return { route: 'GET /v1/auth/me', answer: await answer() };
    },
    too_many_attempts: async () => {
      const limited = await startApp({ changes: { rateLimits: 'on' } });
      for (let turn = 0; turn < 10; turn++) await limited.login('a@example.com', 'not the passphrase');
      return { route: 'POST /v1/auth/login', answer: await limited.login('a@example.com') };
    },
    token_invalid: () => call('GET', '/v1/auth/me', { headers: { authorization: 'Bearer x.y.z' } }),
    token_revoked: async () => {
      const { token } = await app.signIn();
      await app.logout(token);
      return call('GET', '/v1/auth/me', { headers: { authorization: `Bearer ${token}` } });
    },
    token_stale: async () => {
      const { userId, token } = await app.signIn();
      await app.nest.get(UserRolesService, { strict: false }).grantRole(userId, 'editor');
      return call('GET', '/v1/auth/me', { headers: { authorization: `Bearer ${token}` } });
    },
    token_missing: () => call('GET', '/v1/auth/me', {}),
    uri_too_long: () => call('GET', `/health/live?${'x'.repeat(5000)}`, {}),
    user_in_use: async () => {
      const used = await startApp();
      const { email, token, userId } = await used.signIn();
      await used.query('CREATE TABLE test_references (user_id uuid REFERENCES users (id))');
      await used.query('INSERT INTO test_references VALUES ($1)', [userId]);
      const path = '/v1/users/me/deletion';
      const answer = await used.call('POST', path, { token, json: { currentPassword: PASSWORD } });
      // The user, the session and the right to log in are as before.
      expect([(await used.me(token)).status, (await used.login(email)).status]).toEqual([200, 200]);
      return { route: `POST ${path}`, answer };
    },
    user_not_found: async () => {
      const { email, token } = await app.signIn();
      await app.query('DELETE FROM users WHERE email_lower = $1', [email]);
      return call('GET', '/v1/users/me', { headers: { authorization: `Bearer ${token}` } });
    },
    validation_failed: () => register({ email: 'nobody', password: PASSWORD }),
  };

  it('that the code defines is tested below and listed in docs/api.md', async () => {
    const kinds = await definedKinds();
    expect(kinds.map(({ code }) => code)).toEqual(Object.keys(provocations).toSorted());
    const text = readFileSync('docs/api.md', 'utf8');
    const unsaid = kinds.filter(({ code, status }) => !text.includes(`| \`${code}\` | ${status} |`));
    expect(unsaid.map(({ code, status }) => `${code} ${status}`)).toEqual([]);
  });

  it.each(Object.entries(provocations))('%s is reachable, and documented on that route', async (code, provoke) => {
    const { route, answer, document: own = document } = await provoke();
    const { status, headers, body } = answer;
    expect(body).toMatchObject({ code, status, type: `urn:gatehouse:problem:${code}` });
    expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(lacksHeaders(answer)).toBe(false);
    const problem = { ...document.components.schemas['Problem'], $id: undefined };
    expect(schemaErrors(body, problem)).toBeNull();
    if (code === 'not_found' || code === 'method_not_allowed') expect(operation(route)).toBeUndefined();
    else expect(codesOf(route, status, own)).toContain(code);
  });
});

function lacksHeaders({ headers }: Answer): boolean {
  return Object.keys(SECURITY_HEADERS).some((name) => !headers.has(name));
}

function register(json: unknown): Promise<Called> {
  return call('POST', '/v1/auth/register', { json });
}

function refresh(refreshToken: string): Promise<Called> {
  return call('POST', '/v1/auth/refresh', { json: { refresh_token: refreshToken } });
}

function registerWithPassword(text: string): Promise<Called> {
  return register({ email: `${randomUUID()}@example.com`, password: text });
}

function codesOf(route: string, status: number, of: Document): unknown {
  const schema = operation(route, of)?.responses[String(status)]?.content['application/problem+json']?.schema as
    | { allOf: [unknown, { properties: { code: { enum: string[] } } }] }
    | undefined;
  return schema?.allOf[1].properties.code.enum;
}

async function call(
  method: string,
  path: string,
  options: { json?: unknown; text?: string; type?: string; headers?: Record<string, string> },
): Promise<Called> {
  const { json, text = json === undefined ? undefined : JSON.stringify(json), type = 'application/json' } = options;
  const response = await fetch(`${app.url}${path}`, {
    method,
    headers: { ...(text !== undefined && { 'content-type': type }), ...options.headers },
    ...(text !== undefined && { body: text }),
  });
  const body = (await response.json()) as Record<string, unknown>;
  return {
    route: `${method} ${path.split('?')[0]}`,
    answer: { status: response.status, headers: response.headers, body },
  };
}

/** Sends a request that no HTTP client would send. */
async function sendRaw(method: string, path: string, rest: string): Promise<Called> {
  const { hostname, port } = new URL(app.url);
  const socket = connect(Number(port), hostname);
  socket.write(`${method} ${path} HTTP/1.1\r\n${rest}`);
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(socket, 'close');
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const [statusLine = '', ...fields] = head.split('\r\n');
  const headers = new Headers(fields.map((field) => field.split(': ', 2) as [string, string]));
  const answer = { status: Number(statusLine.split(' ')[1]), headers, body: JSON.parse(body) as Answer['body'] };
  return { route: `${method} ${path}`, answer };
}

function schemaErrors(body: unknown, schema: object | undefined): unknown {
  if (schema === undefined) return 'no schema is documented';
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  const validate = ajv.compile(schema);
  validate(body);
  return validate.errors ?? null;
}

/** The names of all members in a schema, at any depth. */
function membersOf(schema: unknown): string[] {
  if (!(schema instanceof Object)) return [];
  const own = 'properties' in schema && schema.properties instanceof Object ? Object.keys(schema.properties) : [];
  return [...own, ...Object.values(schema).flatMap(membersOf)];
}

/** Object schemas that allow undeclared members. */
function openObjects(schema: unknown): unknown[] {
  if (!(schema instanceof Object)) return [];
  const isOpen = 'properties' in schema && !('additionalProperties' in schema && schema.additionalProperties === false);
  return [...(isOpen ? [schema] : []), ...Object.values(schema).flatMap(openObjects)];
}

/** The routes in a controller's decorators, to find routes that are missing in the document. */
function routesOf(source: string): string[] {
  const [, prefix = ''] = /@Controller\('([^']*)'\)/.exec(source) ?? [];
  return [...source.matchAll(/@(Get|Post|Put|Patch|Delete)\((?:'([^']*)')?\)/g)].map(
    ([, method = '', path = '']) =>
      `${method.toUpperCase()} ${['', prefix, path]
        .join('/')
        .replace(/\/$/, '')
        .replaceAll(/:(\w+)/g, '{$1}')}`,
  );
}

/** Every problem kind for which the source exports a factory, sorted by code. */
async function definedKinds(): Promise<ProblemKind[]> {
  const defining = ourSources().filter((file) => /= defineOwnProblem\(/.test(readFileSync(`src/${file}`, 'utf8')));
  const modules = (await Promise.all(defining.map((file) => import(resolve('src', file))))) as object[];
  const factories = modules.flatMap((module) => Object.values(module)).filter((each) => typeof each === 'function');
  const kinds = factories.flatMap((each) => ('kind' in each ? [each.kind as ProblemKind] : []));
  return kinds.toSorted((a, b) => (a.code < b.code ? -1 : 1));
}
