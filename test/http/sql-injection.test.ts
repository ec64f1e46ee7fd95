import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PASSWORD, afterAllTests, startApp, type TestApp } from '../support/app.js';
import { tokensOf, type Answer, type SignedIn } from '../support/client.js';
import { application, features, routesOfFeatures, type FeatureRoute } from '../support/feature-routes.js';
import { allowInOutput } from '../support/secret-detection.js';

/** Part of every hostile text, and of nothing else. */
const MARK = 'm4rk';

/** Texts for headers, paths, queries and most members. */
const HOSTILE = [
  `${MARK}'`,
  `${MARK}'; DROP TABLE users; --`,
  `${MARK}"; DROP TABLE users; --`,
  `${MARK}'||pg_sleep(3)||'`,
  `${MARK}') RETURNING password_hash; --`,
  `${MARK}\\'; DELETE FROM sessions; --`,
  `${MARK} UNION SELECT password_hash FROM users`,
  `${MARK}$1 $$ $tag$ :name ? @x`,
  `${MARK}/* */ -- {}::uuid`,
];
/** Local parts of valid addresses. */
const HOSTILE_NAMES = ["'or'1'='1'--", "'--", '$1', '$$', "'||1||'", '/**/', '%_', '{}', "'=''or'"].map(
  (text) => `${MARK}${text}`,
);

let app: TestApp;
/** A user whose rows must not change. */
let bystander: SignedIn;
/** The three ways in which the driver sends SQL: parse a statement, bind its parameters, or a simple query. */
const parsed = vi.spyOn(pg.Connection.prototype, 'parse');
const bound = vi.spyOn(pg.Connection.prototype, 'bind');
const queried = vi.spyOn(pg.Connection.prototype, 'query');
const onFinished = afterAllTests();

beforeAll(async () => {
  for (const text of HOSTILE) allowInOutput(text);
  const changes = { rateLimits: 'dry-run', trustedProxies: ['127.0.0.1'] } as const;
  app = await startApp({ changes }, onFinished);
  bystander = await app.signIn();
});
afterAll(() => void vi.restoreAllMocks());

/** The statements sent since the last call. */
function statements(): Set<string> {
  const texts = [...parsed.mock.calls.map(([{ text }]) => text), ...queried.mock.calls.map(([text]) => text)];
  parsed.mockClear();
  queried.mockClear();
  return new Set(texts);
}

function parameters(): unknown[] {
  return bound.mock.calls.flatMap(([message]) => message?.values ?? []);
}

interface Inputs {
  readonly email: string;
  readonly password?: string;
  readonly newPassword?: string;
  readonly deviceToken?: string | undefined;
  readonly refreshToken?: string;
  readonly headers?: Record<string, string>;
  readonly id?: string;
  readonly query?: string;
  readonly profile?: object;
}

/** Visited routes, written as in the OpenAPI document. */
const visited = new Set<string>();

/** Sends a request, and expects no 5xx. */
async function ask(
  method: string,
  path: string,
  options: { json?: object; token?: string; headers?: object },
): Promise<Answer> {
  const answer = await app.call(method, path, options as object);
  const [route = ''] = path.split('?');
  visited.add(`${method} ${route.replace(/(?<=sessions\/).+/, '{id}')}`);
  expect([method, path, answer.status < 500]).toEqual([method, path, true]);
  return answer;
}

/** Calls every route as a registered user with these inputs; inputs that are not given are valid. */
async function callEveryRoute({
  email,
  password = PASSWORD,
  headers = {},
  id,
  query = '',
  ...others
}: Inputs): Promise<void> {
  const { deviceToken, profile = {}, newPassword = 'another long passphrase' } = others;
  const post = (path: string, json: object): Promise<Answer> => ask('POST', path, { json, headers });
  await post('/v1/auth/register', { email, password, profile });
  const login = await post('/v1/auth/login', { email, password, deviceToken });
  await post('/v1/auth/login', { email, password: `not ${password}`, deviceToken });
  // If these inputs were refused, another user continues.
  const { token, refreshToken } = login.status === 200 ? tokensOf(login) : await app.signIn();
  await post('/v1/auth/refresh', { refresh_token: others.refreshToken ?? refreshToken });
  const askSignedIn = (method: string, path: string, json?: object): Promise<Answer> =>
    ask(method, path, { token, headers, ...(json && { json }) });
  for (const path of ['/v1/auth/me', '/v1/auth/sessions']) await askSignedIn('GET', `${path}${query}`);
  for (const path of ['/v1/users/me', '/v1/users/me/export', '/.well-known/jwks.json']) await askSignedIn('GET', path);
  for (const path of ['/health/live', '/health/serving', '/health/ready']) await askSignedIn('GET', path);
  await askSignedIn('PATCH', '/v1/users/me', { profile });
  await askSignedIn('DELETE', `/v1/auth/sessions/${encodeURIComponent(id ?? randomUUID())}`);
  await post(`/v1/auth/logout${query}`, { refresh_token: others.refreshToken ?? (await app.signIn()).refreshToken });
  const link = others.refreshToken ?? 'none';
  await post('/v1/auth/email-verification/confirm', { token: link, password });
  await post('/v1/auth/password-reset/confirm', { token: link, newPassword });
  await post('/v1/auth/invitation/accept', { token: link, password, profile });
  for (const path of ['confirm', 'undo']) await post(`/v1/auth/email-change/${path}`, { token: link });
  await askSignedIn('POST', '/v1/users/me/password', { currentPassword: password, newPassword });
  await askSignedIn('POST', '/v1/users/me/deletion', { currentPassword: newPassword });
  await askSignedIn('POST', '/v1/auth/logout?scope=global');
}

/** Sends the text in each place of a route of `src/features.ts`, and so in its values alone. */
async function sendIn(node: TestApp, { method, path, operation, members }: FeatureRoute, text: string): Promise<void> {
  const { token } = await node.signIn();
  const names = (operation.parameters ?? []).filter((each) => each.in === 'query').map(({ name }) => name);
  const target = path.replaceAll(/\{[^}]+\}/g, encodeURIComponent(text));
  const json = Object.fromEntries(members.map((name) => [name, text]));
  const queries = ['', ...names.map((name) => `?${name}=${encodeURIComponent(text)}`)];
  for (const query of queries) {
    const body = members.length === 0 || method === 'GET' ? {} : { json };
    const { status } = await node.call(method, `${target}${query}`, { token, ...body });
    expect([method, path, text, status < 500]).toEqual([method, path, text, true]);
  }
}

function addressOf(name: string = randomUUID()): string {
  return `${name}@example.com`;
}

/** What an injection could damage: the tables, and the rows of another user. */
async function state(): Promise<unknown> {
  const tables = await app.query(
    'SELECT relname, relkind FROM pg_class WHERE relnamespace = current_schema()::regnamespace ORDER BY 1',
  );
  const user = await app.query('SELECT * FROM users WHERE id = $1', [bystander.userId]);
  const sessions = await app.query('SELECT * FROM sessions WHERE user_id = $1', [bystander.userId]);
  return { tables, user, sessions };
}

describe('SQL in the inputs', () => {
  it('is never part of a statement, changes nothing, and is stored as sent (INJ-01)', { timeout: 60_000 }, async () => {
    const before = await state();
    statements();
    for (const name of HOSTILE_NAMES) await callEveryRoute({ email: addressOf(name) });
    for (const text of HOSTILE) {
      const headers = Object.fromEntries(
        ['user-agent', 'x-forwarded-for', 'if-none-match', 'x-request-id', 'cookie', 'origin', 'referer'].map(
          (name) => [name, text],
        ),
      );
      const of = (parameter: string): string => `?${parameter}=${encodeURIComponent(text)}`;
      await callEveryRoute({ email: addressOf(), password: `${text} ${PASSWORD}`, headers, query: of('scope') });
      await callEveryRoute({ email: text, id: text, query: of('cursor') });
      await callEveryRoute({
        email: addressOf(),
        profile: { [text]: text },
        newPassword: `${text} ${PASSWORD}`,
        deviceToken: text,
        refreshToken: text,
        query: of('limit'),
      });
      await app.call('GET', `/v1/users/me?${encodeURIComponent(text)}=1`, { token: text });
    }

    const sent = statements();
    expect(sent.size).toBeGreaterThan(15);
    expect([...sent].filter((text) => text.toLowerCase().includes(MARK))).toEqual([]);
    const kept = parameters().filter((value): value is string => typeof value === 'string' && value.includes(MARK));
    const addresses = HOSTILE_NAMES.map((name) => addressOf(name));
    expect(new Set(kept)).toEqual(
      new Set([...HOSTILE, ...addresses, ...HOSTILE.map((text) => JSON.stringify({ [text]: text }))]),
    );
    const { paths } = (await app.call('GET', '/openapi.json')).body as { paths: Record<string, object> };
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect([...visited].toSorted()).toEqual(routes.toSorted());
    expect(await state()).toEqual(before);
    expect((await app.me(bystander.token)).status).toBe(200);
    expect((await app.login(bystander.email)).status).toBe(200);
  });

  it('is never part of a statement of a module in src/features.ts', { timeout: 60_000 }, async () => {
    const own = await startApp(application);
    const routes = await routesOfFeatures();
    statements();
    for (const route of routes) for (const text of HOSTILE) await sendIn(own, route, text);
    expect([...statements()].filter((text) => text.toLowerCase().includes(MARK))).toEqual([]);
    expect(routes.length > 0).toBe(features.length > 0);
  });
});
