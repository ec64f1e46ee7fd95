import { fastify, type FastifyInstance } from 'fastify';
import { readFileSync } from 'node:fs';
import { maxHeaderSize } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendProblem } from '../problems/problem.filter.js';
import { BODY_LIMIT_BYTES } from './body-limit.js';
import { securityHeaders } from './response-headers.js';
import { MAX_CONTENT_TYPE_LENGTH } from './content-type-parser.js';
import { MAX_TARGET_LENGTH, MAX_HEADER_FIELDS } from './uri-and-header-limits.js';
import { CLIENT_TIMEOUTS } from './client-timeouts.js';
import { prepareHttp, registerHttp, httpServerOptions } from './http-server.js';

const ORIGIN = 'https://app.example.com';
const settings = { https: true, corsOrigins: [ORIGIN] };
const http = prepareHttp(settings);
const timeouts = { ...CLIENT_TIMEOUTS, headersMs: 150, requestMs: 300, checkMs: 25 };
const logged: { level: number; msg: string }[] = [];

let server: FastifyInstance;
let port: number;

beforeAll(async () => {
  const stream = { write: (line: string) => void logged.push(JSON.parse(line) as (typeof logged)[number]) };
  server = fastify({ ...httpServerOptions(http, timeouts), logger: { level: 'warn', stream } });
  registerHttp(server, http);
  server.setErrorHandler((error, request, reply) => sendProblem(error, () => undefined, request, reply));
  server.get('/echo/:name', (request, reply) => reply.send(request.params));
  server.post('/echo', (request, reply) => reply.send(request.body));
  await server.listen({ host: '127.0.0.1', port: 0 });
  port = (server.server.address() as AddressInfo).port;
});

afterAll(() => server.close());

interface Raw {
  status: number;
  headers: Map<string, string>;
  body: string;
}

/** Sends the bytes and reads until the server closes, which it must do after an error. */
function exchange(bytes: string): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('data', (chunk) => chunks.push(Buffer.from(chunk))).on('error', reject);
    socket.on('close', () => resolve(parse(Buffer.concat(chunks).toString('utf8'))));
    socket.write(bytes, 'latin1');
  });
}

function parse(text: string): Raw {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [statusLine = '', ...fields] = head.split('\r\n');
  const pairs = fields.map((field) => [field.slice(0, field.indexOf(':')).toLowerCase(), field.split(': ')[1] ?? '']);
  return {
    status: Number(statusLine.split(' ')[1]),
    headers: new Map(pairs as [string, string][]),
    body: rest.join('\r\n\r\n'),
  };
}

async function problemOf(bytes: string): Promise<string> {
  const { status, headers, body } = await exchange(bytes);
  const { code, ...members } = JSON.parse(body) as { code: string; status: number; instance: string };
  expect(members.status).toBe(status);
  expect(members.instance).toBe(`urn:uuid:${headers.get('x-request-id')}`);
  expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(headers.get('connection')).toBe('close');
  // API-09.
  expect([...headers]).toEqual(expect.arrayContaining(Object.entries(securityHeaders(settings))));
  return `${status} ${code}`;
}

async function statusOf(bytes: string): Promise<number> {
  return (await exchange(bytes)).status;
}

const HOST = 'Host: x\r\nConnection: close\r\n';
const JSON_TYPE = 'Content-Type: application/json\r\n';

describe('a malformed request', () => {
  it.each([
    ['no HTTP', 'hello\r\n\r\n'],
    ['TLS', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['an unknown method', `FOO / HTTP/1.1\r\n${HOST}\r\n`],
    ['a NUL in a header', `GET /echo/x HTTP/1.1\r\n${HOST}X: a\u0000b\r\n\r\n`],
    ['a space before the colon', `GET /echo/x HTTP/1.1\r\n${HOST}X : a\r\n\r\n`],
    ['two lengths', `POST /echo HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    [
      'a length and chunks',
      `POST /echo HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['a negative length', `POST /echo HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: -1\r\n\r\n`],
    ['another final coding', `POST /echo HTTP/1.1\r\n${HOST}${JSON_TYPE}Transfer-Encoding: chunked, gzip\r\n\r\n`],
    ['a bad chunk size', `POST /echo HTTP/1.1\r\n${HOST}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
    ['two hosts', `GET /echo/x HTTP/1.1\r\n${HOST}host: y\r\n\r\n`],
    ['no host', 'GET /echo/x HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['raw bytes in a path parameter', `GET /echo/caf\u00e9 HTTP/1.1\r\n${HOST}\r\n`],
    ['raw bytes in a query', `GET /echo/x?q=caf\u00e9 HTTP/1.1\r\n${HOST}\r\n`],
  ])('is 400: %s', async (_case, bytes) => {
    expect(await problemOf(bytes)).toBe('400 request_malformed');
  });
});

/** A request whose `Content-Type` has so many characters. */
function withContentType(length: number): string {
  const type = 'application/json; charset=utf-8; a='.padEnd(length, 'b');
  return `POST /echo HTTP/1.1\r\n${HOST}Content-Type: ${type}\r\nContent-Length: 2\r\n\r\n{}`;
}

describe('a request at or over a limit', () => {
  it('is 431 for a header section over 16 KiB', async () => {
    expect(await problemOf(`GET /echo/x HTTP/1.1\r\n${HOST}X: ${'a'.repeat(17_000)}\r\n\r\n`)).toBe(
      '431 headers_too_large',
    );
  });

  it('is 431 for more than a hundred header fields', async () => {
    expect(await problemOf(`GET /echo/x HTTP/1.1\r\n${HOST}${'a:\r\n'.repeat(100)}\r\n`)).toBe('431 headers_too_large');
  });

  it('is 414 for a target over our limit, also if it is over that of Node', async () => {
    expect(await problemOf(`GET /${'a'.repeat(17_000)} HTTP/1.1\r\n${HOST}\r\n`)).toBe('414 uri_too_long');
    expect(await problemOf(`GET /${'a'.repeat(8000)} HTTP/1.1\r\n${HOST}\r\n`)).toBe('414 uri_too_long');
    expect(await problemOf(`GET /echo/${'a'.repeat(101)} HTTP/1.1\r\n${HOST}\r\n`)).toBe('414 uri_too_long');
  });

  it('is accepted at each limit, and refused one over it (INP-12)', async () => {
    expect(await statusOf(`GET /echo/x HTTP/1.1\r\n${HOST}X: ${'a'.repeat(16_000)}\r\n\r\n`)).toBe(200);
    expect(await statusOf(`GET /echo/x HTTP/1.1\r\n${HOST}${'a:\r\n'.repeat(MAX_HEADER_FIELDS - 2)}\r\n`)).toBe(200);
    expect(await statusOf(`GET /echo/x HTTP/1.1\r\n${HOST}${'a:\r\n'.repeat(MAX_HEADER_FIELDS - 1)}\r\n`)).toBe(431);
    expect(await statusOf(`GET /${'a'.repeat(MAX_TARGET_LENGTH - 1)} HTTP/1.1\r\n${HOST}\r\n`)).toBe(404);
    expect(await statusOf(`GET /${'a'.repeat(MAX_TARGET_LENGTH)} HTTP/1.1\r\n${HOST}\r\n`)).toBe(414);
  });

  it('is 431 for many more header fields than Node keeps (INP-12)', async () => {
    expect(await problemOf(`GET /echo/x HTTP/1.1\r\n${HOST}${'a:\r\n'.repeat(2500)}\r\n`)).toBe(
      '431 headers_too_large',
    );
  });

  it('is 415 for a Content-Type over 256 characters, which no pattern of a library reads (INP-13)', async () => {
    expect(await statusOf(withContentType(MAX_CONTENT_TYPE_LENGTH))).toBe(200);
    expect(await problemOf(withContentType(MAX_CONTENT_TYPE_LENGTH + 1))).toBe('415 media_type_unsupported');
  });

  it('has bounds that docs/security.md names (INP-12, CFG-04)', () => {
    const said = readFileSync('docs/security.md', 'utf8').replaceAll(/\s+/g, ' ');
    const limits = [
      `${maxHeaderSize / 1024} KiB or of more than ${MAX_HEADER_FIELDS} fields`,
      `targets and access tokens over ${MAX_TARGET_LENGTH} characters`,
      `Bodies over ${BODY_LIMIT_BYTES / 1024} KiB`,
      `\`Content-Type\` of more than ${MAX_CONTENT_TYPE_LENGTH} characters`,
    ];
    expect(limits.filter((limit) => !said.includes(limit))).toEqual([]);
  });

  it('is 413 by its Content-Length alone, and by the size of its chunks', async () => {
    const announced = `POST /echo HTTP/1.1\r\n${HOST}${JSON_TYPE}Content-Length: 20000\r\n\r\n`;
    expect(await problemOf(announced)).toBe('413 body_too_large');
    const chunk = `4000\r\n${' '.repeat(0x4000)}\r\n`;
    const chunked = `POST /echo HTTP/1.1\r\n${HOST}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n${chunk}${chunk}`;
    expect(await problemOf(chunked)).toBe('413 body_too_large');
  });
});

describe('a request that does not arrive in time', () => {
  it.each([
    ['its header section', `GET /echo/x HTTP/1.1\r\nHost: x\r\nX: `],
    ['its request line', 'GET /ec'],
    ['its body', `POST /echo HTTP/1.1\r\nHost: x\r\n${JSON_TYPE}Content-Length: 20\r\n\r\n{"a":`],
    ['its next chunk', `POST /echo HTTP/1.1\r\nHost: x\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":`],
  ])('is 408 for want of %s', async (_case, bytes) => {
    expect(await problemOf(bytes)).toBe('408 request_timeout');
  });
});

describe('a request whose head was parsed', () => {
  it.each([
    [408, 'an incomplete body', `Content-Length: 20\r\n\r\n{"a":`],
    [408, 'an incomplete chunk', `Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":`],
    [400, 'a malformed chunk', 'Transfer-Encoding: chunked\r\n\r\nzz\r\n'],
    [413, 'many chunks of one byte', `Transfer-Encoding: chunked\r\n\r\n${'1\r\n \r\n'.repeat(3000)}`],
  ])('gets a %i with CORS headers for %s (API-13)', async (status, _case, rest) => {
    const { headers, ...answer } = await exchange(
      `POST /echo HTTP/1.1\r\n${HOST}Origin: ${ORIGIN}\r\n${JSON_TYPE}${rest}`,
    );
    expect(answer.status).toBe(status);
    expect(headers.get('access-control-allow-origin')).toBe(ORIGIN);
  });
});

const expecting = (value: string): string =>
  `POST /echo HTTP/1.1\r\n${HOST}${JSON_TYPE}Expect: ${value}\r\nContent-Length: 2\r\n\r\n{}`;

describe('a protocol feature', () => {
  it('CONNECT is 405', async () => {
    expect(await problemOf('CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n')).toBe(
      '405 method_not_allowed',
    );
  });

  it('TRACE is 405 and reflects nothing', async () => {
    const { status, body } = await exchange(`TRACE /echo HTTP/1.1\r\n${HOST}X-Secret: hunter2\r\n\r\n`);
    expect(status).toBe(405);
    expect(body).not.toContain('hunter2');
  });

  it('an Upgrade is ignored', async () => {
    const bytes = 'GET /echo/x HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n';
    expect((await exchange(bytes)).status).toBe(200);
  });

  it('an expectation is 417, except 100-continue', async () => {
    expect(await problemOf(expecting('200-ok'))).toBe('417 expectation_failed');
    expect((await exchange(expecting('100-continue'))).status).toBe(100);
  });

  it('OPTIONS * is 404', async () => {
    expect((await exchange(`OPTIONS * HTTP/1.1\r\n${HOST}\r\n`)).status).toBe(404);
  });

  it('HTTP/1.0 needs no host', async () => {
    expect((await exchange('GET /echo/x HTTP/1.0\r\n\r\n')).status).toBe(200);
  });
});

describe('a client that disconnects within its body', () => {
  it('is not logged as an error', async () => {
    const before = logged.length;
    const gone = new Promise<void>((resolve) => {
      server.server.once('request', (request) => request.once('close', () => resolve()));
    });
    const socket = connect({ host: '127.0.0.1', port });
    const arrived = new Promise((resolve) => void server.server.once('request', resolve));
    socket.write(`POST /echo HTTP/1.1\r\nHost: x\r\n${JSON_TYPE}Content-Length: 20\r\n\r\n{"a":`);
    await arrived;
    socket.destroy();
    await gone;
    expect((await exchange(`GET /echo/x HTTP/1.1\r\n${HOST}\r\n`)).status).toBe(200);
    expect(logged.slice(before)).toEqual([]);
  });
});
