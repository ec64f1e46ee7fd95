import type { FastifyRequest } from 'fastify';
import { tracingChannel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect } from 'node:net';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { afterAllTests, startApp, type TestApp } from '../support/app.js';

/** The most that one request may cost, in milliseconds of CPU. */
const MOST_HEAD_MS = 5;
const MOST_BODY_MS = 20;
/** Of a header section of 16 KiB, and of the largest body; each form is also sent at a quarter of that. */
const LONG_HEAD = 14_800;
const LONG_BODY = 15_500;
/** What costs less is not looked at more closely: a connection alone takes a third of it. */
const UNSUSPICIOUS_MS = 1;
const TRIES = 5;
const MOST_LOOKS = 4;

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
 * Sends one request, waits for the end of its connection, and gives for how many milliseconds the event loop was busy meanwhile, with
 * client and server: the CPU's time and more. The kernel's own count goes by ticks of 4 ms on some machines.
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

/** The least of some tries: the first pays for compilation, and any may pay for a collection of garbage. */
async function costOf(bytes: string): Promise<Cost> {
  const costs: Cost[] = [];
  for (let attempt = 0; attempt < TRIES; attempt++) costs.push(await costOnce(bytes));
  return costs.reduce((least, cost) => (cost.ms < least.ms ? cost : least));
}

interface Form {
  readonly name: string;
  readonly ofLength: (length: number) => string;
}

/** The forms that cost too much, with what they cost at a quarter of their length and at all of it. */
async function offenders(forms: readonly Form[], longest: number, mostMs: number): Promise<string[]> {
  const found: string[] = [];
  for (const { name, ofLength } of forms) {
    if ((await costOnce(ofLength(longest))).ms < UNSUSPICIOUS_MS) continue;
    let flaw: string | undefined;
    // What costs too much does so each time; another process that takes the CPU does not.
    for (let look = 0; look < MOST_LOOKS && (look === 0 || flaw !== undefined); look++) {
      const long = await costOf(ofLength(longest));
      const short = await costOf(ofLength(longest / 4));
      // What is answered otherwise is looked at otherwise.
      const isQuick = long.ms < UNSUSPICIOUS_MS || long.ms <= 5 * short.ms || long.status !== short.status;
      flaw = long.ms > mostMs || !isQuick ? `${short.ms.toFixed(2)} and ${long.ms.toFixed(2)} ms` : undefined;
    }
    if (flaw !== undefined) found.push(`${name}: ${flaw}`);
  }
  return found;
}

const filled = (unit: string, length: number): string =>
  unit.repeat(Math.ceil(Math.max(0, length) / unit.length)).slice(0, Math.max(0, length));

/** What a pattern or a parser of lists, parameters, quotes or addresses may find hard, between what makes it fail at the end. */
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

/** The start of a request, without what a case says itself. */
function head(line: string, fields: Readonly<Record<string, string>>): string {
  const all = { host: 'x', connection: 'close', ...fields };
  const text = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${line} HTTP/1.1\r\n${text.join('')}\r\n`;
}

const JSON_BODY = '{"refresh_token":"x"}';

/** A guarded route that is served, one that reads a body, a preflight, and a path that is not there. */
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
    'takes less than 5 ms of CPU, in proportion to its length, whatever the form of its %s (INP-13)',
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
      expect(await offenders(byRequest, LONG_HEAD, MOST_HEAD_MS)).toEqual([]);
    },
  );
});

/** Names that are all different, each twice. */
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

describe('a target', () => {
  it.each(PLACES)(
    'at %s takes less than 5 ms of CPU, in proportion to its length, whatever its form (INP-13)',
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
      expect(await offenders(forms, LONG_HEAD, MOST_HEAD_MS)).toEqual([]);
      // The longest that is not 414.
      expect(await offenders(forms, 4000, MOST_HEAD_MS)).toEqual([]);
    },
  );
});

/** The requests that come to a handler for one of a client: its own, and what Swagger UI is asked in its place. */
async function handled(path: string, fields: Readonly<Record<string, string>>): Promise<FastifyRequest[]> {
  const requests: FastifyRequest[] = [];
  const { start } = tracingChannel('fastify.request.handler');
  const note = (message: unknown): void => void requests.push((message as { request: FastifyRequest }).request);
  start.subscribe(note);
  onTestFinished(() => start.unsubscribe(note));
  await costOnce(head(`GET ${path}`, fields));
  return requests;
}

describe('what Swagger UI is asked', () => {
  it('is every target at /docs/static/ that may be a file of it, each time, and none of more than 64 characters (INP-13)', async () => {
    for (const unit of ['a', '.', '-', '0']) {
      const [short, long] = [64, 65].map((length) => `/docs/static/${filled(unit, length)}`) as [string, string];
      for (let time = 0; time < 2; time++) {
        expect((await handled(short, {})).map(({ url }) => url)).toEqual([short, short]);
        expect((await handled(long, {})).map(({ url }) => url)).toEqual([long]);
      }
    }
  });

  it('is said by no header of the client (INP-13)', async () => {
    const value = filled('0-1,', 10_000);
    const sent = ['accept-encoding', 'if-none-match', 'if-modified-since', 'if-range', 'range', 'content-type'];
    const fields = Object.fromEntries(sent.map((name) => [name, value.slice(0, value.length / sent.length)]));
    const [asked, passedOn] = await handled('/docs/static/swagger-initializer.js', fields);
    expect(Object.keys(asked?.headers ?? {})).toEqual(expect.arrayContaining(sent));
    expect(Object.keys(passedOn?.headers ?? {}).toSorted()).toEqual(['host', 'user-agent']);
  });
});

/** A text of about such a length between what begins and what ends it. */
const around =
  (start: string, unit: string, end: string) =>
  (length: number): string =>
    `${start}${filled(unit, length - start.length - end.length)}${end}`;

function members(length: number): string {
  let text = '{"m":0';
  for (let index = 0; text.length < length - 12; index++) text += `,"m${index}":0`;
  return `${text}}`;
}

/** Whole bodies of every kind. */
const BODIES: Readonly<Record<string, (length: number) => string>> = {
  'lists in lists': around('', '[', ''),
  'objects in objects': around('', '{"a":', ''),
  'members of other names': members,
  'members of one name': around('{', '"a":0,', '"a":0}'),
  'members by escaped names': around('{', '"\\u0061":0,', '"a":0}'),
  'a list': around('[', '0,', '0]'),
  'a list of objects': around('[', '{},', '{}]'),
  'a number': around('', '9', ''),
  'a fraction': around('0.', '1', 'e'),
  'white space': around('', ' ', '{}'),
  'line breaks': around('', '\r\n', '{}'),
  'an open string': around('{"', 'a', ''),
  'quotes that are not closed': around('{"', '\\"', ''),
  backslashes: around('{"', '\\', ''),
  'no JSON': around('', 'x', ''),
  nulls: around('', '\0', ''),
  'broken UTF-8': around('"', '\u00e2\u0082', '"'),
};
/** For one member, however it is escaped. */
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
  'DELETE /v1/auth/sessions/00000000-0000-7000-8000-000000000000': [],
};

describe('a body', () => {
  it.each(Object.entries(ROUTES))(
    'of %s takes less than 20 ms of CPU, in proportion to its length, whatever its form (INP-13)',
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
      // The largest that any route reads, the largest of a route of small bodies, and the longest password and address.
      for (const length of [LONG_BODY, 1900, 300])
        expect(await offenders([...whole, ...parts], length, MOST_BODY_MS)).toEqual([]);
    },
  );
});
