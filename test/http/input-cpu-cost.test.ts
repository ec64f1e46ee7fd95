import type { FastifyRequest } from 'fastify';
import { tracingChannel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect } from 'node:net';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { afterAllTests, startApp, type TestApp } from '../support/app.js';

/** Limits for one request, in milliseconds of CPU. */
const MAX_HEAD_MS = 5;
const MAX_BODY_MS = 20;
/** Lengths just below a header section of 16 KiB and the largest body; each form is also sent at a quarter of that. */
const LONG_HEAD = 14_800;
const LONG_BODY = 15_500;
/** A cheaper request is not measured again: a connection alone takes a third of this. */
const CHEAP_MS = 1;
const TRIES = 5;
const MAX_MEASUREMENTS = 4;

let app: TestApp;
let token: string;
const onFinished = afterAllTests();

beforeAll(async () => {
  const changes = {
    logLevel: 'warn',
    rateLimits: 'dry-run',
    addressRequestsPerMinute: 1e9,
    trustedProxies: ['127.0.0.1'],
    corsOrigins: ['https://example.com'],
  } as const;
  app = await startApp({ changes }, onFinished);
  token = (await app.signIn()).token;
});

interface Cost {
  readonly ms: number;
  readonly status: string;
}

/**
 * Sends one request and waits until its connection closes. Measures the busy time of the event loop meanwhile, for
 * client and server: at least the CPU time. The kernel's CPU accounting has a resolution of 4 ms on some machines.
 */
async function costOnce(bytes: string): Promise<Cost> {
  const { hostname, port } = new URL(app.url);
  const before = performance.eventLoopUtilization();
  const socket = connect(Number(port), hostname).setEncoding('latin1');
  let answer = '';
  socket.on('error', () => undefined).on('data', (text: string) => (answer ||= text));
  socket.write(bytes, 'latin1');
  await once(socket, 'close');
  return { ms: performance.eventLoopUtilization(before).active, status: answer.slice(9, 12) };
}

/** The minimum of several attempts: the first includes compilation, and any may include garbage collection. */
async function costOf(bytes: string): Promise<Cost> {
  const costs: Cost[] = [];
  for (let attempt = 0; attempt < TRIES; attempt++) costs.push(await costOnce(bytes));
  return costs.reduce((least, cost) => (cost.ms < least.ms ? cost : least));
}

interface Form {
  readonly name: string;
  readonly ofLength: (length: number) => string;
}

/** The forms that cost too much, with their cost at a quarter of the length and at the full length. */
async function expensiveForms(forms: readonly Form[], longest: number, mostMs: number): Promise<string[]> {
  const found: string[] = [];
  for (const { name, ofLength } of forms) {
    if ((await costOnce(ofLength(longest))).ms < CHEAP_MS) continue;
    let flaw: string | undefined;
    // An expensive form is expensive each time, a CPU taken by another process is not: so measure again.
    for (
      let measurement = 0;
      measurement < MAX_MEASUREMENTS && (measurement === 0 || flaw !== undefined);
      measurement++
    ) {
      const long = await costOf(ofLength(longest));
      const short = await costOf(ofLength(longest / 4));
      // Different statuses mean different code paths, which cannot be compared.
      const isQuick = long.ms < CHEAP_MS || long.ms <= 5 * short.ms || long.status !== short.status;
      flaw = long.ms > mostMs || !isQuick ? `${short.ms.toFixed(2)} and ${long.ms.toFixed(2)} ms` : undefined;
    }
    if (flaw !== undefined) found.push(`${name}: ${flaw}`);
  }
  return found;
}

const filled = (unit: string, length: number): string =>
  unit.repeat(Math.ceil(Math.max(0, length) / unit.length)).slice(0, Math.max(0, length));

/**
 * Repeated units that are hard for patterns and parsers of lists, parameters, quotes or addresses. {@link ENDS}
 * surround them to make a match fail at the end.
 */
const UNITS = [
  'a',
  ' ',
  '\t',
  ',',
  'a,',
  ', ',
  ';',
  '; a',
  ';a=',
  ';a="',
  '"',
  '\\"',
  '\\',
  '="',
  '=',
  '.',
  'a.',
  '/',
  '-',
  '(',
  '((',
  ':',
  '[',
  '%41',
  '%',
  '\u00ff',
  'W/"a",',
  '127.0.0.1,',
  '::1,',
  '"[::1]:1",',
  '0-1,',
  '*/*;q=0.1,',
  'gzip;q=1,',
  '; charset',
  ';charset=utf-8',
  '; charset=',
  'charset',
  'bearer ',
  'a b ',
  '1',
  '0',
  'chunked,',
  '100-continue,',
  'https://',
  'a=b; ',
  '@',
];
const ENDS: readonly (readonly [string, string])[] = [
  ['', ''],
  ['x', '!'],
];

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  authorization: ['', 'Bearer ', 'bearer', 'Basic '],
  'content-type': ['', 'application/json', 'application/json;', 'application/json; charset="'],
  'x-forwarded-for': ['', '127.0.0.1, '],
  connection: ['close, ', 'close,'],
  ...Object.fromEntries(
    `content-encoding content-language accept accept-charset accept-encoding accept-language accept-version cookie host origin
     access-control-request-method access-control-request-headers x-forwarded-host x-forwarded-proto x-real-ip forwarded via
     user-agent referer range if-match if-none-match if-modified-since if-range x-request-id traceparent tracestate baggage expect te
     trailer upgrade keep-alive proxy-authorization sec-fetch-site x-http-method-override x-anything`
      .split(/\s+/)
      .map((name) => [name, ['']]),
  ),
};

/** A request head; fields of the test case replace the defaults. */
function head(line: string, fields: Readonly<Record<string, string>>): string {
  const all = { host: 'x', connection: 'close', ...fields };
  const text = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${line} HTTP/1.1\r\n${text.join('')}\r\n`;
}

const JSON_BODY = '{"refresh_token":"x"}';

/** A guarded route, one that reads a body, a preflight, and an unknown path. */
function requestsWith(name: string, value: string): string[] {
  const body = { 'content-type': 'application/json', 'content-length': String(JSON_BODY.length) };
  return [
    head('GET /v1/auth/me', { authorization: `Bearer ${token}`, [name]: value }),
    head('POST /v1/auth/refresh', { ...body, [name]: value }) + JSON_BODY,
    head('OPTIONS /v1/auth/me', {
      origin: 'https://example.com',
      'access-control-request-method': 'GET',
      [name]: value,
    }),
    head('GET /nothing', { [name]: value }),
  ];
}

describe('a request head', () => {
  it.each(Object.entries(FIELDS))(
    'takes less than 5 ms of CPU, proportional to its length, for every form of %s (INP-13)',
    { timeout: 120_000 },
    async (name, prefixes) => {
      const forms = prefixes.flatMap((prefix) =>
        UNITS.flatMap((unit) =>
          ENDS.map(([start, end]) => {
            const valueOf = (length: number): string => `${prefix}${start}${filled(unit, length)}${end}`;
            return { name: JSON.stringify(`${prefix}${start}${unit}…${end}`), valueOf };
          }),
        ),
      );
      const byRequest = forms.flatMap(({ name: form, valueOf }) =>
        requestsWith(name, '').map((_, at) => ({
          name: `${form} in request ${at}`,
          ofLength: (length: number) => requestsWith(name, valueOf(length))[at] ?? '',
        })),
      );
      expect(await expensiveForms(byRequest, LONG_HEAD, MAX_HEAD_MS)).toEqual([]);
    },
  );
});

/** Different parameter names, each twice. */
function pairs(length: number): string {
  let text = '';
  for (let index = 0; text.length < length; index++) text += `${index.toString(36)}&${index.toString(36)}&`;
  return text.slice(0, length);
}

const PLACES = [
  'GET /',
  'GET /v1/',
  'GET /docs/',
  'GET /docs/static/',
  'GET /.well-known/',
  'GET /health/live?',
  'GET /health/live?x=',
  'GET /v1/auth/me?',
  'GET /v1/auth/sessions?',
  'GET /v1/auth/sessions?limit=',
  'GET /v1/auth/sessions?after=',
  'DELETE /v1/auth/sessions/',
  'OPTIONS /',
  'POST /v1/auth/logout?scope=',
];
const TARGET_UNITS = [
  'a',
  '/',
  'a/',
  '%41',
  '%',
  '%4',
  '&',
  'a&',
  'a=1&',
  '=',
  '?',
  '../',
  './',
  '.',
  ';',
  '+',
  '%00',
  '%e2%82%ac',
  '%ff',
  'limit=1&',
  ':',
  '*',
  '-',
  '0',
  '#',
  '%2f',
  '%25',
  '__proto__&',
  '[',
  '(',
];

describe('a request target', () => {
  it.each(PLACES)(
    'at %s takes less than 5 ms of CPU, proportional to its length, for every form (INP-13)',
    async (place) => {
      const named = (name: string, textOf: (length: number) => string): Form[] =>
        ['', '!'].map((end) => ({
          name: `${name}…${end}`,
          ofLength: (length) =>
            head(`${place}${textOf(length)}${end}`, {
              authorization: `Bearer ${token}`,
              origin: 'https://example.com',
              'access-control-request-method': 'GET',
            }),
        }));
      const forms = [
        ...TARGET_UNITS.flatMap((unit) => named(unit, (length) => filled(unit, length))),
        ...named('pairs', pairs),
      ];
      expect(await expensiveForms(forms, LONG_HEAD, MAX_HEAD_MS)).toEqual([]);
      // The longest target that is not 414.
      expect(await expensiveForms(forms, 4000, MAX_HEAD_MS)).toEqual([]);
    },
  );
});

/** The requests that reach a handler for one client request: the client's, and the internal one to Swagger UI. */
async function handled(path: string, fields: Readonly<Record<string, string>>): Promise<FastifyRequest[]> {
  const requests: FastifyRequest[] = [];
  const { start } = tracingChannel('fastify.request.handler');
  const recordRequest = (message: unknown): void =>
    void requests.push((message as { request: FastifyRequest }).request);
  start.subscribe(recordRequest);
  onTestFinished(() => start.unsubscribe(recordRequest));
  await costOnce(head(`GET ${path}`, fields));
  return requests;
}

describe('the request to Swagger UI', () => {
  it('is made for every file name under /docs/static/ of at most 64 characters, each time (INP-13)', async () => {
    for (const unit of ['a', '.', '-', '0']) {
      const [short, long] = [64, 65].map((length) => `/docs/static/${filled(unit, length)}`) as [string, string];
      for (let time = 0; time < 2; time++) {
        expect((await handled(short, {})).map(({ url }) => url)).toEqual([short, short]);
        expect((await handled(long, {})).map(({ url }) => url)).toEqual([long]);
      }
    }
  });

  it('contains no header of the client (INP-13)', async () => {
    const value = filled('0-1,', 10_000);
    const sent = ['accept-encoding', 'if-none-match', 'if-modified-since', 'if-range', 'range', 'content-type'];
    const fields = Object.fromEntries(sent.map((name) => [name, value.slice(0, value.length / sent.length)]));
    const [asked, passedOn] = await handled('/docs/static/swagger-initializer.js', fields);
    expect(Object.keys(asked?.headers ?? {})).toEqual(expect.arrayContaining(sent));
    expect(Object.keys(passedOn?.headers ?? {}).toSorted()).toEqual(['host', 'user-agent']);
  });
});

/** Fills the space between a start and an end with a unit, up to a length. */
const around =
  (start: string, unit: string, end: string) =>
  (length: number): string =>
    `${start}${filled(unit, length - start.length - end.length)}${end}`;

function members(length: number): string {
  let text = '{"m":0';
  for (let index = 0; text.length < length - 12; index++) text += `,"m${index}":0`;
  return `${text}}`;
}

/** Complete bodies, by form. */
const BODIES: Readonly<Record<string, (length: number) => string>> = {
  'nested lists': around('', '[', ''),
  'nested objects': around('', '{"a":', ''),
  'members with different names': members,
  'members with one name': around('{', '"a":0,', '"a":0}'),
  'members with escaped names': around('{', '"\\u0061":0,', '"a":0}'),
  'a list': around('[', '0,', '0]'),
  'a list of objects': around('[', '{},', '{}]'),
  'a number': around('', '9', ''),
  'a fraction': around('0.', '1', 'e'),
  'white space': around('', ' ', '{}'),
  'line breaks': around('', '\r\n', '{}'),
  'an open string': around('{"', 'a', ''),
  'unclosed quotes': around('{"', '\\"', ''),
  backslashes: around('{"', '\\', ''),
  'not JSON': around('', 'x', ''),
  nulls: around('', '\0', ''),
  'broken UTF-8': around('"', '\u00e2\u0082', '"'),
};
/** Repeated units of one member's value, escaped in different ways. */
const TEXTS = [
  'a',
  ' ',
  '0',
  '.',
  '-',
  '@',
  'a@',
  'a.',
  'a-',
  '\\u0061',
  '\\ud83d\\ude00',
  '\\u0301',
  '\\u1112\\u1161\\u11ab',
  '\\"',
  'password',
  'A',
  '=',
  '+',
  '_',
];
const EMAIL = '"email":"a@example.com"';
const ROUTES: Readonly<Record<string, readonly (readonly [member: string, others: string])[]>> = {
  'POST /v1/auth/login': [
    ['email', '"password":"a long enough passphrase"'],
    ['password', EMAIL],
    ['deviceToken', `${EMAIL},"password":"a long enough passphrase"`],
  ],
  'POST /v1/auth/register': [
    ['email', '"password":"a long enough passphrase"'],
    ['password', EMAIL],
  ],
  'POST /v1/auth/refresh': [
    ['refresh_token', '"x":0'],
    ['refresh_token', ''],
  ],
  'POST /v1/auth/logout': [['refresh_token', '']],
  'POST /v1/users/me/password': [
    ['currentPassword', '"newPassword":"another long passphrase"'],
    ['newPassword', '"currentPassword":"x"'],
  ],
  'POST /v1/users/me/deletion': [['currentPassword', '']],
  'PATCH /v1/users/me': [['profile', '']],
  'DELETE /v1/auth/sessions/00000000-0000-7000-8000-000000000000': [],
};

describe('a request body', () => {
  it.each(Object.entries(ROUTES))(
    'for %s takes less than 20 ms of CPU, proportional to its length, for every form (INP-13)',
    { timeout: 60_000 },
    async (line, cases) => {
      const sent = (body: string): string =>
        head(line, {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'content-length': String(body.length),
        }) + body;
      const whole = Object.entries(BODIES).map(([name, bodyOf]): Form => ({
        name,
        ofLength: (length) => sent(bodyOf(length)),
      }));
      const parts = cases.flatMap(([member, others]) =>
        TEXTS.flatMap((unit) =>
          ['', '!'].map((end): Form => ({
            name: `${member}: ${unit}…${end}`,
            ofLength: (length) =>
              sent(around(`{"${member}":"`, unit, `${end}"${others === '' ? '' : `,${others}`}}`)(length)),
          })),
        ),
      );
      // The largest body of all routes, the largest on routes with small bodies, and about the
      // longest password and address.
      for (const length of [LONG_BODY, 1900, 300])
        expect(await expensiveForms([...whole, ...parts], length, MAX_BODY_MS)).toEqual([]);
    },
  );
});
