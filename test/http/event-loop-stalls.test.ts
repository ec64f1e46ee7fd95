import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { RouteSchema } from '@nestjs/platform-fastify';
import { Controller, Module, Post } from '@nestjs/common';
import { Type } from 'typebox';
import { Public } from '../../src/access/route-access.decorators.js';
import { afterAllTests, startApp, type TestApp } from '../support/app.js';

const ATTEMPTS = 5;
const MAX_STALL_MS = 50;
/** Limit for one read of a connection: it is parsed in one go before the connection can be closed. */
const MAX_STALL_OF_ONE_READ_MS = 40;
/** Slightly below the limits of a login body and of a header section. */
const MAX_BODY_BYTES = 15_500;
const MAX_HEAD_BYTES = 15_000;
/** More than one read of 64 KiB. */
const MANY_BYTES = 256 * 1024;

const Tag = Type.Union([Type.Literal('a'), Type.Literal('b')]);
const group = (kind: string) =>
  Type.Object({ kind: Type.Literal(kind), tags: Type.Array(Tag) }, { additionalProperties: false });

@Controller('v1/tags')
class TagsController {
  @Post()
  @Public()
  @RouteSchema({ body: Type.Union([Type.Array(Tag), group('x'), group('y')]) })
  post(): object {
    return {};
  }
}

@Module({ controllers: [TagsController] })
class TagsModule {}

let app: TestApp;
let token: string;
const onFinished = afterAllTests();

beforeAll(async () => {
  const changes = { trustedProxies: ['127.0.0.1'], rateLimits: 'dry-run' } as const;
  app = await startApp({ features: [TagsModule], changes }, onFinished);
  token = (await app.signIn()).token;
});

const HOST = 'Host: x\r\n';

function get(path: string, fields = ''): string {
  return `GET ${path} HTTP/1.1\r\n${HOST}${fields}Connection: close\r\n\r\n`;
}

function post(body: string, { path = '/v1/auth/login', fields = '', connection = 'close' } = {}): string {
  const type = fields.includes('Content-Type') ? '' : 'Content-Type: application/json\r\n';
  const bytes = Buffer.from(body).toString('latin1');
  return `POST ${path} HTTP/1.1\r\n${HOST}${type}${fields}Connection: ${connection}\r\nContent-Length: ${bytes.length}\r\n\r\n${bytes}`;
}

/** A request without body. */
const request = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\n${HOST}${fields}\r\n`;

function chunked(path: string, method = 'POST'): string {
  return `${method} ${path} HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
}

const guarded = (fields: string): string => get('/v1/users/me', `${fields}\r\n`);
const signedIn = (): string => `Authorization: Bearer ${token}\r\n`;
const filled = (unit: string, size: number): string => unit.repeat(Math.floor(size / unit.length));
const encode = (text: string): string => Buffer.from(text).toString('base64url');

/** A body just below the size limit. */
function largestBody(start: string, unit: string, end: string): string {
  return `${start}${filled(unit, MAX_BODY_BYTES - start.length - end.length)}${end}`;
}

function members(count: number): string {
  return `{${Array.from({ length: count }, (_, index) => `"m${index}":0`).join(',')}}`;
}

const credentials = (email: string, password: string): string => post(JSON.stringify({ email, password }));

/** Sends the bytes, and nothing after them; resolves with everything received until the connection closes. */
async function exchange(bytes: string, isAll: boolean): Promise<string> {
  const { hostname, port } = new URL(app.url);
  const socket = connect(Number(port), hostname);
  if (isAll) socket.end(bytes, 'latin1');
  else socket.write(bytes, 'latin1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
  await new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
  return answer;
}

/** The longest event loop delay meanwhile, in milliseconds. */
async function stall(bytes: string, { answer = /^HTTP\/1\.1 /, isAll = false } = {}): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await ticks();
  delay.reset();
  expect(await exchange(bytes, isAll)).toMatch(answer);
  await ticks();
  delay.disable();
  return delay.max / 1e6;
}

/** The monitor is a timer: it starts with the first tick, and records a delay at the next one. */
function ticks(): Promise<void> {
  return pause(5);
}

describe('the event loop is not blocked for 50 ms', () => {
  it.each<[string, () => string]>([
    ['nested lists', () => post(largestBody('', '[', ''))],
    ['nested objects', () => post(largestBody('', '{"a":', ''))],
    ['many members', () => post(members(1600))],
    ['many members with one name', () => post(largestBody('{', '"a":0,', '"a":0}'))],
    ['many members with escaped names', () => post(largestBody('{', '"\\u0061":0,', '"a":0}'))],
    ['a long list', () => post(largestBody('[', '0,', '0]'))],
    ['a list of flaws', () => post(largestBody('[', '0,', '0]'), { path: '/v1/tags' })],
    ['a list of flaws in a union', () => post(largestBody('{"kind":"x","tags":[', '0,', '0]}'), { path: '/v1/tags' })],
    ['a long number', () => post(largestBody('', '9', ''))],
    ['escapes', () => post(largestBody('{"email":"', '\\u0061', '"}'))],
    ['a lone surrogate at the end', () => post(largestBody('{"email":"', '\\ud83d\\ude00', '\\ud83d"}'))],
    ['white space', () => post(largestBody('', ' ', '{}'))],
    ['unclosed quotes', () => post(largestBody('{"', '\\"', ''))],
    ['an almost valid address', () => credentials(`${'a'.repeat(64)}@${filled('a.', 180)}a!`, 'x')],
    ['almost valid domain labels', () => credentials(`a@${filled('a-', 250)}`, 'x')],
    ['combining marks in a password', () => credentials('a@example.com', `a${filled('\u0301\u0316', 1000)}`)],
    ['Hangul syllables in a password', () => credentials('a@example.com', filled('\u1112\u1161\u11ab', 1000))],
    [
      'a common password',
      () =>
        post(JSON.stringify({ email: `${randomUUID()}@example.com`, password: filled('password', 256) }), {
          path: '/v1/auth/register',
        }),
    ],
    [
      'parts of the address in a password',
      () =>
        post(JSON.stringify({ email: `${filled('a', 64)}@example.com`, password: filled('a', 256) }), {
          path: '/v1/auth/register',
        }),
    ],
    ['a refresh token', () => post(JSON.stringify({ refresh_token: filled('A', 1024) }), { path: '/v1/auth/refresh' })],
    ['parameters', () => get(`/v1/auth/sessions?${filled('a&', 4000)}`, signedIn())],
    [
      'parameters with different names',
      () =>
        get(
          `/v1/auth/sessions?${Array.from({ length: 1000 }, (_, index) => `${index.toString(36)}&`)
            .join('')
            .slice(0, 4000)}`,
          signedIn(),
        ),
    ],
    ['escapes in a query', () => get(`/v1/auth/sessions?limit=${filled('%41', 4000)}`)],
    ['escapes in a path', () => get(`/${filled('%41', 4000)}`)],
    ['segments of a path', () => get(`/${filled('a/', 4000)}`)],
    ['header fields', () => get('/v1/auth/me', filled('a: b\r\n', 6 * 96))],
    [
      'a Host header',
      () => `GET / HTTP/1.1\r\nHost: ${filled('a.', MAX_HEAD_BYTES)}\u00ff\r\nConnection: close\r\n\r\n`,
    ],
    ['dots in a token', () => guarded(`Authorization: Bearer ${filled('.', MAX_HEAD_BYTES)}`)],
    ['letters in a token', () => guarded(`Authorization: Bearer ${filled('a', MAX_HEAD_BYTES)}`)],
    ['the header of a token', () => guarded(`Authorization: Bearer ${encode(filled('[', 11_000))}.e30.AA`)],
    ['members in the header of a token', () => guarded(`Authorization: Bearer ${encode(members(1200))}.e30.AA`)],
    [
      'claims of a token',
      () => guarded(`Authorization: Bearer ${token.split('.')[0]}.${encode(members(1100))}.${token.split('.')[2]}`),
    ],
    ['white space before a token', () => guarded(`Authorization: Bearer${filled(' ', MAX_HEAD_BYTES)}x`)],
    ['entity tags', () => get('/.well-known/jwks.json', `If-None-Match: ${filled('W/"a",', MAX_HEAD_BYTES)}\r\n`)],
    [
      'addresses of proxies',
      () =>
        post('{"email":"a@example.com","password":"x"}', {
          fields: `X-Forwarded-For: ${filled('127.0.0.1,', MAX_HEAD_BYTES)}127.0.0.1\r\n`,
        }),
    ],
    [
      'parameters of a media type',
      () => post('{}', { fields: `Content-Type: application/json${filled('; charset', MAX_HEAD_BYTES)}\r\n` }),
    ],
    [
      'white space in a media type',
      () => post('{}', { fields: `Content-Type: application/json;${filled(' ', MAX_HEAD_BYTES)}x\r\n` }),
    ],
    ['a content coding', () => post('{}', { fields: `Content-Encoding: ${filled('gzip,', MAX_HEAD_BYTES)}\r\n` })],
    [
      'a User-Agent',
      () =>
        post(JSON.stringify({ email: 'a@example.com', password: 'x' }), {
          fields: `User-Agent: ${filled('a', MAX_HEAD_BYTES)}\r\n`,
        }),
    ],
    [
      'thirty-two bodies at once',
      () => `${post(largestBody('', '[', ''), { connection: 'keep-alive' }).repeat(31)}${post(members(1600))}`,
    ],
    [
      'thirty-two forged tokens at once',
      () =>
        `${guarded(`Authorization: Bearer ${token.slice(0, -8)}AAAAAAAA`)
          .replace('Connection: close\r\n', '')
          .repeat(31)}${get('/health/live')}`,
    ],
  ])('by %s (INP-06)', async (_case, bytesOf) => {
    const stalls: number[] = [];
    // An input blocks in every attempt, other load on the machine does not: so take the minimum.
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) stalls.push(await stall(bytesOf()));
    expect(Math.min(...stalls)).toBeLessThan(MAX_STALL_MS);
  });

  it.each<[string, string]>([
    ['chunks of one byte', `${chunked('/v1/auth/login')}${filled('1\r\n \r\n', MANY_BYTES)}`],
    [
      'chunks of one byte on a route without body',
      `${chunked('/v1/auth/me', 'GET')}${filled('1\r\n \r\n', MANY_BYTES)}`,
    ],
    ['chunks of many requests', filled(`${chunked('/')}${filled('1\r\n \r\n', 1500)}0\r\n\r\n`, MANY_BYTES)],
    ['last chunks', `${chunked('/v1/auth/login')}${filled('0\r\n\r\n', MANY_BYTES)}`],
    ['trailers', `${chunked('/v1/auth/login')}0\r\n${filled('a: b\r\n', MANY_BYTES)}`],
    ['chunk extensions', `${chunked('/v1/auth/login')}1${filled(';a=b', MANY_BYTES)}`],
    ['requests that are refused', filled(request('/x'), MANY_BYTES)],
    ['requests that cannot be routed', filled(request('/%'), MANY_BYTES)],
    ['requests that are served', filled(request('/health/live'), MANY_BYTES)],
    ['requests with Expect', filled(request('/x', 'Expect: x\r\n'), MANY_BYTES)],
  ])('by %s, as many as are read at once (INP-06, INP-13)', async (_case, bytes) => {
    const stalls: number[] = [];
    for (let attempt = 0; attempt < ATTEMPTS; attempt++)
      stalls.push(await stall(bytes, { answer: /^(HTTP|$)/, isAll: true }));
    expect(Math.min(...stalls)).toBeLessThan(MAX_STALL_OF_ONE_READ_MS);
  });
});
