import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { beforeAll, describe, expect, it } from 'vitest';
import { PASSWORD, afterAllTests, startApp, type TestApp } from '../support/app.js';
import type { SignedIn } from '../support/client.js';
import {
  application,
  documentOf,
  features,
  membersOf,
  routesOfFeatures,
  type Operation,
} from '../support/feature-routes.js';

interface Route {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
  /** Member names of the body. */
  readonly members: readonly string[];
}

/** Text of stack traces, drivers or queries; no test value contains it. */
const INTERNALS = /node_modules|\.[jt]s:\d|\bat \w+ \(|prisma|postgres|\bSELECT\b|\bINSERT\b|ECONN|P20\d\d|TypeError/i;

const RUNS = 150;
const SEQUENCES = 25;

let app: TestApp;
let routes: Route[];
let user: SignedIn;
const onFinished = afterAllTests();

beforeAll(async () => {
  app = await startApp(application, onFinished);
  const document = await documentOf(app);
  routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
      members: membersOf(operation.requestBody?.content['application/json']?.schema, document),
    })),
  );
  user = await app.signIn();
});

const HOSTILE_TEXTS = [
  '',
  ' ',
  '\0',
  '\uD800',
  '__proto__',
  'constructor',
  "' OR 1=1 --",
  '#{7*7}',
  '../../etc/passwd',
  '%00',
  '\r\nX-Injected: 1',
  'a@example.com',
  'A@EXAMPLE.COM',
  randomUUID(),
  '0',
  '-1',
  '1e309',
  '9223372036854775808',
  'é'.normalize('NFD'),
  '👩‍👩‍👧',
  'x'.repeat(2000),
];
const text = fc.oneof(fc.constantFrom(...HOSTILE_TEXTS), fc.string({ unit: 'binary', maxLength: 40 }));
const value = fc.oneof(
  { weight: 4, arbitrary: text },
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.array(text, { maxLength: 3 }),
  fc.dictionary(text, text, { maxKeys: 3 }),
);

/** Bodies that mostly have the schema's members, with unexpected values. */
function bodyFor({ members }: Route): fc.Arbitrary<string | undefined> {
  const object = fc.dictionary(fc.oneof({ weight: 5, arbitrary: fc.constantFrom('x', ...members) }, text), value, {
    maxKeys: 4,
  });
  const whole = fc.record(Object.fromEntries(members.map((name) => [name, value])));
  return fc.oneof(
    { weight: 5, arbitrary: whole.map((each) => JSON.stringify(each)) },
    { weight: 3, arbitrary: object.map((each) => JSON.stringify(each)) },
    value.map((each) => JSON.stringify(each)),
    text,
    fc.constant(undefined),
  );
}

type Input = [body: string | undefined, credential: string, inPath: string, query: [string, string][]];

/** The text as each value of a request that is let in: chance does not find a flaw of one text on one route each time. */
function everywhere({ members, operation }: Route, hostile: string): Input[] {
  const body = JSON.stringify(Object.fromEntries(members.map((name) => [name, hostile])));
  const inBodyAndPath: Input = [members.length === 0 ? undefined : body, 'good', hostile, []];
  // Without a query of its own the route is not reached.
  const hasQuery = (operation.parameters ?? []).some((each) => each.in === 'query');
  return hasQuery ? [inBodyAndPath, [undefined, 'good', 'x', [['', hostile]]]] : [inBodyAndPath];
}

const credential = fc.oneof(
  fc.constant('good'),
  fc.constant(undefined),
  fc.constantFrom('Bearer', 'Bearer ', 'Basic eA==', 'Bearer x.y.z', 'Bearer ' + 'a'.repeat(5000)),
);

interface Sent {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** Sends the values unchanged: fetch would refuse half of them. */
function send(
  { method, path }: { method: string; path: string },
  { body, authorization, type }: { body?: string | undefined; authorization?: string | undefined; type?: string },
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...(authorization === undefined ? {} : { authorization }),
      ...(body === undefined
        ? {}
        : { 'content-type': type ?? 'application/json', 'content-length': Buffer.byteLength(body) }),
    };
    const asking = request(app.url + path, { method, headers }, (response) => {
      response.setEncoding('utf8');
      let received = '';
      response.on('data', (chunk: string) => (received += chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers['content-type'] ?? '',
          body: received,
        }),
      );
    });
    asking.on('error', reject);
    asking.end(body);
  });
}

function expectDocumented({ operation, method, path }: Route, { status, contentType, body }: Sent): void {
  const what = `${method} ${path} answered ${status} ${body.slice(0, 300)}`;
  expect(status < 500 || status === 503, what).toBe(true);
  if (status < 400) return;
  expect(contentType, what).toMatch(/^application\/problem\+json/);
  expect(JSON.parse(body), what).toMatchObject({ status });
  expect(body, what).not.toMatch(INTERNALS);
  // 404 and 405 occur when the filled-in path is another path.
  if (status !== 404 && status !== 405) expect(Object.keys(operation.responses), what).toContain(String(status));
}

/** The path with values for its parameters and the query. */
function targetOf({ path, operation }: Route, inPath: string, query: readonly [string, string][]): string {
  const filled = path.replaceAll(/\{[^}]+\}/g, () => encodeURIComponent(inPath.toWellFormed()) || 'x');
  const names = (operation.parameters ?? []).filter((each) => each.in === 'query').map(({ name }) => name);
  const pairs = query.map(([name, given], index) => [names[index] ?? name, given]);
  const search = pairs.map((pair) => pair.map((each) => encodeURIComponent(each.toWellFormed())).join('=')).join('&');
  return search === '' ? filled : `${filled}?${search}`;
}

describe('every route', () => {
  it(
    'answers hostile input as documented, and never with 5xx (FLT-18, INP-01, INP-04, INP-05, INP-07)',
    { timeout: 120_000 },
    async () => {
      for (const route of routes) {
        // These would end the user's session, which the other routes need.
        if (/deletion|logout/.test(route.path)) continue;
        await fc.assert(
          fc.asyncProperty(
            bodyFor(route),
            credential,
            text,
            fc.array(fc.tuple(text, text), { maxLength: 2 }),
            async (body, credentialKind, inPath, query) => {
              const authorization = credentialKind === 'good' ? `Bearer ${user.token}` : credentialKind;
              const target = targetOf(route, inPath, query);
              expectDocumented(route, await send({ method: route.method, path: target }, { body, authorization }));
            },
          ),
          { numRuns: RUNS, verbose: 1, examples: HOSTILE_TEXTS.flatMap((hostile) => everywhere(route, hostile)) },
        );
      }
      expect((await app.me(user.token)).status).toBe(200);
    },
  );

  it('does so in any order of calls, with values from earlier responses (FLT-18)', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(), value), { minLength: 5, maxLength: 25 }),
        async (steps) => {
          const email = `${randomUUID()}@example.com`;
          const seen: Record<string, string[]> = { email: [email], token: [''], refresh: [''], id: [randomUUID()] };
          const pick = (kind: string, index: number): string => seen[kind]?.[index % seen[kind].length] ?? '';
          for (const [which, first, second, odd] of steps) {
            const route = routes[which % routes.length] as Route;
            const known: Record<string, unknown> = {
              email: pick('email', first),
              password: PASSWORD,
              currentPassword: PASSWORD,
              newPassword: second % 3 ? PASSWORD : `${PASSWORD} ${second}`,
              refresh_token: pick('refresh', first),
            };
            const json = Object.fromEntries(
              route.members.map((name) => [name, second % 10 === 0 ? odd : (known[name] ?? odd)]),
            );
            const body = route.members.length === 0 ? undefined : JSON.stringify(json);
            const token = pick('token', second);
            const path = route.path.replaceAll(/\{[^}]+\}/g, pick('id', first));
            const authorization = token === '' ? undefined : `Bearer ${token}`;
            const sent = await send({ method: route.method, path }, { body, authorization });
            expectDocumented(route, sent);
            if (sent.status === 200 && sent.body.includes('access_token')) {
              const { access_token: access, refresh_token: refresh } = JSON.parse(sent.body) as Record<string, string>;
              seen['token']?.push(access ?? '');
              seen['refresh']?.push(refresh ?? '');
            }
          }
        },
      ),
      { numRuns: SEQUENCES, verbose: 1 },
    );
  });

  it('of a module in src/features.ts declares the members of its responses, and no other leaves', async () => {
    const own = await routesOfFeatures();
    const open = own.filter(({ operation }) =>
      Object.entries(operation.responses).some(
        ([status, { content }]) => status.startsWith('2') && isOpen(content?.['application/json']?.schema),
      ),
    );
    expect(open.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
    expect(own.length > 0).toBe(features.length > 0);
  });
});

/** Whether an object in the schema of a response may have members that it does not name. */
function isOpen(schema: unknown): boolean {
  if (!(schema instanceof Object)) return false;
  const isObject =
    'properties' in schema && !('additionalProperties' in schema && schema.additionalProperties === false);
  return isObject || Object.values(schema).some(isOpen);
}
