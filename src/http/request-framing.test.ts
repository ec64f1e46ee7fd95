import { fastify, type FastifyInstance } from 'fastify';
import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sendProblem } from '../problems/problem.filter.js';
import { MAX_WAITING_REQUESTS } from './pipelining.js';
import { CLIENT_TIMEOUTS } from './client-timeouts.js';
import { prepareHttp, registerHttp, httpServerOptions } from './http-server.js';

const http = prepareHttp({ https: false });
const timeouts = { ...CLIENT_TIMEOUTS, headersMs: 150, requestMs: 300, checkMs: 25 };

/** Requests that reached a handler. */
const handled: string[] = [];
/** Releases the requests that wait at `/held`. */
const held: (() => void)[] = [];

let server: FastifyInstance;
let port: number;

beforeAll(async () => {
  server = fastify({ ...httpServerOptions(http, timeouts), logger: { level: 'silent' } });
  registerHttp(server, http);
  server.setErrorHandler((error, request, reply) => sendProblem(error, () => undefined, request, reply));
  server.addHook('preHandler', (request, _reply, done) => {
    if (!request.is404) handled.push(`${request.method} ${request.url}`);
    done();
  });
  server.get('/echo/:name', (request, reply) => reply.send(request.params));
  server.post('/echo', (request, reply) => reply.send(request.body));
  server.get('/held', async () => {
    await new Promise<void>((resolve) => held.push(resolve));
    return { held: true };
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  port = (server.server.address() as AddressInfo).port;
});
beforeEach(() => void (handled.length = 0));
afterAll(() => server.close());

function open(): Socket {
  return connect({ host: '127.0.0.1', port }).on('error', () => undefined);
}

/** Sends the bytes and reads until the server closes. */
function exchange(bytes: string, socket = open()): Promise<string[]> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(Buffer.from(chunk)));
    socket.on('close', () => resolve(responsesIn(Buffer.concat(chunks).toString('latin1'))));
    socket.write(bytes, 'latin1');
  });
}

/** Each response as its status and its problem code or body. */
function responsesIn(text: string): string[] {
  return text
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .filter((response) => response !== '')
    .map((response) => {
      const [, body = ''] = response.split('\r\n\r\n');
      return `${response.slice(9, 12)} ${/"code":"(\w+)"/.exec(body)?.[1] ?? body}`.trim();
    });
}

const HOST = 'Host: x\r\n';
const JSON_TYPE = 'Content-Type: application/json\r\n';
/** A request that another server may have read as part of the request before it. */
const NEXT = `GET /echo/next HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
const get = (fields: string): string => `GET /echo/x HTTP/1.1\r\n${HOST}${fields}\r\n\r\n`;
const post = (fields: string, body = '{}'): string =>
  `POST /echo HTTP/1.1\r\n${HOST}${JSON_TYPE}${fields}\r\n\r\n${body}`;
const CHUNKED = 'Transfer-Encoding: chunked';
const chunked = (chunks: string): string => post(CHUNKED, chunks);
const CHUNKS = '2\r\n{}\r\n0\r\n\r\n';

describe('a request with ambiguous framing', () => {
  it.each([
    // RFC 9112 section 2.2
    ['a bare LF after a field', get('X: a\nY: b')],
    ['a bare LF after the request line', `GET /echo/x HTTP/1.1\n${HOST}\r\n`],
    ['bare LFs alone', 'GET /echo/x HTTP/1.1\nHost: x\n\n'],
    ['a bare LF at its end', `GET /echo/x HTTP/1.1\r\n${HOST}X: a\r\n\n`],
    ['a bare CR in a field', get('X: a\rY: b')],
    ['a bare CR after the request line', `GET /echo/x HTTP/1.1\r${HOST}\r\n`],
    ['two CRs before a LF', get('X: a\r')],
    ['white space before its method', ` ${get('X: a')}`],
    ['white space before its first field', `GET /echo/x HTTP/1.1\r\n ${HOST}\r\n`],
    // Section 2.3
    ['no version', `GET /echo/x\r\n${HOST}\r\n`],
    ['version 0.9', `GET /echo/x HTTP/0.9\r\n${HOST}\r\n`],
    ['version 1.2', `GET /echo/x HTTP/1.2\r\n${HOST}\r\n`],
    ['version 2.0', `GET /echo/x HTTP/2.0\r\n${HOST}\r\n`],
    ['a version in small letters', `GET /echo/x http/1.1\r\n${HOST}\r\n`],
    ['a space after its version', `GET /echo/x HTTP/1.1 \r\n${HOST}\r\n`],
    // Section 3.2
    ['a space in its target', `GET /echo/x /echo/y HTTP/1.1\r\n${HOST}\r\n`],
    ['a tab before its target', `GET\t/echo/x HTTP/1.1\r\n${HOST}\r\n`],
    ['an authority as its target', `GET x:80 HTTP/1.1\r\n${HOST}\r\n`],
    ['no host', 'GET /echo/x HTTP/1.1\r\nX: a\r\n\r\n'],
    ['one host twice', `GET /echo/x HTTP/1.1\r\n${HOST}${HOST}\r\n`],
    ['two hosts in other capitals', `GET /echo/x HTTP/1.1\r\n${HOST}hOsT: y\r\n\r\n`],
    ['a host with a space', 'GET /echo/x HTTP/1.1\r\nHost: x y\r\n\r\n'],
    ['a host with a path', 'GET /echo/x HTTP/1.1\r\nHost: x/y\r\n\r\n'],
    ['a host with a user', 'GET /echo/x HTTP/1.1\r\nHost: x@y\r\n\r\n'],
    // RFC 9110 section 5.3
    ['two tokens', get('Authorization: Bearer a\r\nauthorization: Bearer b')],
    ['one token twice', get('X: a\r\nAuthorization: Bearer a\r\nAuthorization: Bearer a')],
    ['two media types', post('content-type: text/plain\r\nContent-Length: 2')],
    // Sections 5.1 and 5.2
    ['a space before a colon', get('X : a')],
    ['a tab before a colon', get('X\t: a')],
    ['a space before the colon of its coding', post('Transfer-Encoding : chunked', CHUNKS)],
    ['a space before the colon of its length', post('Content-Length : 2')],
    ['a field without a colon', get('X')],
    ['a field without a name', get(': a')],
    ['a control character in a name', get('X\u0001: a')],
    ['a control character in a value', get('X: \u0001')],
    ['a line folded by a space', get('X: a\r\n b')],
    ['a line folded by a tab', get('X: a\r\n\tb')],
    ['a folded coding', post('Transfer-Encoding:\r\n chunked', CHUNKS)],
    ['a folded length', post('Content-Length:\r\n 2')],
    // Section 6.1
    ['a length and chunks', post(`Content-Length: 2\r\n${CHUNKED}`, CHUNKS)],
    ['chunks and a length', post(`${CHUNKED}\r\nContent-Length: 2`, CHUNKS)],
    ['chunks in HTTP/1.0', `POST /echo HTTP/1.0\r\n${HOST}${JSON_TYPE}${CHUNKED}\r\n\r\n${CHUNKS}`],
    ['chunks twice', post('Transfer-Encoding: chunked, chunked', CHUNKS)],
    ['chunks twice in two fields', post(`${CHUNKED}\r\n${CHUNKED}`, CHUNKS)],
    ['a coding before chunked', post('Transfer-Encoding: gzip, chunked', CHUNKS)],
    ['identity before chunked', post('Transfer-Encoding: identity, chunked', CHUNKS)],
    ['nothing before chunked', post('Transfer-Encoding: , chunked', CHUNKS)],
    ['a field of its coding before chunked', post(`Transfer-Encoding: identity\r\n${CHUNKED}`, CHUNKS)],
    ['a field of its coding after chunked', post(`${CHUNKED}\r\nTransfer-Encoding: identity`, CHUNKS)],
    ['a coding after chunked', post('Transfer-Encoding: chunked, gzip', CHUNKS)],
    ['nothing after chunked', post('Transfer-Encoding: chunked,', CHUNKS)],
    ['a parameter of chunked', post('Transfer-Encoding: chunked;q=1', CHUNKS)],
    ['chunked in quotes', post('Transfer-Encoding: "chunked"', CHUNKS)],
    ['a coding that ends in chunked', post('Transfer-Encoding: xchunked', CHUNKS)],
    ['a coding that begins with chunked', post('Transfer-Encoding: chunkedx', CHUNKS)],
    ['a control character before chunked', post('Transfer-Encoding: \u000bchunked', CHUNKS)],
    ['identity', post('Transfer-Encoding: identity')],
    ['identity and a length', post('Transfer-Encoding: identity\r\nContent-Length: 2')],
    ['an unknown coding where no body is read', get('Transfer-Encoding: identity')],
    ['no coding', post('Transfer-Encoding:', CHUNKS)],
    // Section 6.3
    ['two lengths', post('Content-Length: 2\r\nContent-Length: 3')],
    ['one length twice', post('Content-Length: 2\r\nContent-Length: 2')],
    ['two lengths in one field', post('Content-Length: 2, 3')],
    ['one length twice in one field', post('Content-Length: 2, 2')],
    ['a length in two parts', post('Content-Length: 1 2')],
    ['a negative length', post('Content-Length: -2')],
    ['a length with a plus', post('Content-Length: +2')],
    ['a hexadecimal length', post('Content-Length: 0x2')],
    ['a length with a fraction', post('Content-Length: 2.0')],
    ['a length in quotes', post('Content-Length: "2"')],
    ['a control character before its length', post('Content-Length: \u000b2')],
    ['no length', post('Content-Length:')],
    ['a length over 64 bits', post('Content-Length: 18446744073709551618')],
    // Section 7.1
    ['a chunk size over 64 bits', chunked('10000000000000002\r\n{}\r\n0\r\n\r\n')],
    ['a chunk size with a prefix', chunked(`0x${CHUNKS}`)],
    ['a chunk size with a sign', chunked(`+${CHUNKS}`)],
    ['a negative chunk size', chunked(`-${CHUNKS}`)],
    ['a space before a chunk size', chunked(` ${CHUNKS}`)],
    ['a space after a chunk size', chunked('2 \r\n{}\r\n0\r\n\r\n')],
    ['a chunk size that is none', chunked('g\r\n{}\r\n0\r\n\r\n')],
    ['no chunk size', chunked('\r\n{}\r\n0\r\n\r\n')],
    ['a bare LF after a chunk size', chunked('2\n{}\r\n0\r\n\r\n')],
    ['a bare CR after a chunk size', chunked('2\r{}\r\n0\r\n\r\n')],
    ['a bare LF after a chunk', chunked('2\r\n{}\n0\r\n\r\n')],
    ['nothing after a chunk', chunked('2\r\n{}0\r\n\r\n')],
    ['a chunk longer than its size', chunked('1\r\n{}\r\n0\r\n\r\n')],
    ['a bare LF in a chunk extension', chunked('2;a\n{}\r\n0\r\n\r\n')],
    ['a bare CR in a chunk extension', chunked('2;a\rb\r\n{}\r\n0\r\n\r\n')],
    ['a chunk extension without an end', chunked(`2;${'a'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`)],
    ['a bare LF after the last chunk', chunked('2\r\n{}\r\n0\n\r\n')],
    ['a length in its trailer', chunked('2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n')],
    ['a coding in its trailer', chunked(`2\r\n{}\r\n0\r\n${CHUNKED}\r\n\r\n`)],
    ['a folded line in its trailer', chunked('2\r\n{}\r\n0\r\nX: a\r\n b\r\n\r\n')],
  ])('because of %s is 400, and nothing after it is a request (INP-11)', async (_case, bytes) => {
    expect(await exchange(bytes + NEXT)).toEqual(['400 request_malformed']);
    expect(handled).toEqual([]);
  });
});

describe('a request with unambiguous framing', () => {
  const GET_RESULT = ['200 {"name":"x"}', 'GET /echo/x'] as const;
  const POST_RESULT = ['200 {}', 'POST /echo'] as const;
  it.each([
    ['has no body', get('X: a'), GET_RESULT],
    ['begins after an empty line', `\r\n${get('X: a')}`, GET_RESULT],
    [
      'has an absolute target',
      `GET http://y/echo/x HTTP/1.1\r\n${HOST}\r\n`,
      ['200 {"name":"x"}', 'GET http://y/echo/x'],
    ],
    ['has an empty host', 'GET /echo/x HTTP/1.1\r\nHost:\r\n\r\n', GET_RESULT],
    ['has an IPv6 host and a port', 'GET /echo/x HTTP/1.1\r\nHost: [::1]:3000\r\n\r\n', GET_RESULT],
    ['has a length', post('Content-Length: 2'), POST_RESULT],
    ['has a length after zeros', post('Content-Length: 002'), POST_RESULT],
    ['has white space after its length', post('Content-Length: 2 \t'), POST_RESULT],
    ['has chunks', chunked(CHUNKS), POST_RESULT],
    ['has chunks in other capitals', post('transfer-encoding: cHuNkEd', CHUNKS), POST_RESULT],
    ['has zeros before a chunk size', chunked(`000${CHUNKS}`), POST_RESULT],
    ['has a chunk extension', chunked('2;a="b;c"\r\n{}\r\n0\r\n\r\n'), POST_RESULT],
    ['has a trailer', chunked('2\r\n{}\r\n0\r\nX: a\r\n\r\n'), POST_RESULT],
    [
      'has a body that nobody reads',
      `GET /echo/x HTTP/1.1\r\n${HOST}Content-Length: ${NEXT.length}\r\n\r\n${NEXT}`,
      GET_RESULT,
    ],
  ] as const)('that %s is answered, and so is the next one (INP-11)', async (_case, bytes, [answer, request]) => {
    expect(await exchange(bytes + NEXT)).toEqual([answer, '200 {"name":"next"}']);
    expect(handled).toEqual([request, 'GET /echo/next']);
  });

  it.each([
    ['an unknown path', 'POST /nothing', '404 not_found'],
    ['an unsupported media type', 'POST /echo', '415 media_type_unsupported'],
  ])('refused for %s does not have its body taken for a request (INP-11)', async (_case, line, answer) => {
    const bytes = `${line} HTTP/1.1\r\n${HOST}Content-Type: text/x\r\nContent-Length: ${NEXT.length}\r\n\r\n${NEXT}`;
    const [first, ...others] = await exchange(bytes + NEXT);
    expect(first).toBe(answer);
    // At most the next request may be answered too; the body would be a third.
    expect(others.length).toBeLessThan(2);
    expect(handled.length).toBe(others.length);
  });
});

describe('the bytes after', () => {
  it.each([
    ['Connection: close', get('Connection: close'), '200 {"name":"x"}'],
    ['a body that is too large', post('Content-Length: 20000', ' '.repeat(20_000)), '413 body_too_large'],
    ['an expectation', post('Expect: miracles\r\nContent-Length: 2'), '417 expectation_failed'],
    ['an upgrade', get('Connection: Upgrade\r\nUpgrade: websocket'), '200 {"name":"x"}'],
    ['an upgrade with a body', post('Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2'), '200 {}'],
    ['a tunnel', `CONNECT x:80 HTTP/1.1\r\n${HOST}\r\n`, '405 method_not_allowed'],
  ])('%s are not processed as a request (INP-11)', async (_case, bytes, answer) => {
    expect(await exchange(bytes + NEXT)).toEqual([answer]);
    expect(handled).not.toContain('GET /echo/next');
  });
});

/** Sends bytes after a request that is still being processed, then lets that request be answered. */
async function afterHeldRequest(bytes: string): Promise<string[]> {
  const arrived = once(server.server, 'request');
  const responses = exchange(`GET /held HTTP/1.1\r\n${HOST}\r\n${bytes}`);
  await arrived;
  await expect.poll(() => held.length).toBe(1);
  expect(handled).toEqual(['GET /held']);
  held.pop()?.();
  return responses;
}

describe('pipelined requests', () => {
  it('are answered in order, and each is processed only once those before it have been answered (INP-11)', async () => {
    const responses = await afterHeldRequest(get('X: a') + post('Content-Length: 2') + NEXT);
    expect(responses).toEqual(['200 {"held":true}', '200 {"name":"x"}', '200 {}', '200 {"name":"next"}']);
    expect(handled).toEqual(['GET /held', 'GET /echo/x', 'POST /echo', 'GET /echo/next']);
  });

  it.each([
    ['garbage', 'garbage\r\n\r\n', ['400 request_malformed']],
    ['a bad chunk', chunked('g\r\n'), ['400 request_malformed']],
    ['a request that does not arrive', 'GET /ec', ['408 request_timeout']],
    ['a body that does not arrive', post('Content-Length: 3'), ['408 request_timeout']],
    ['a tunnel', `CONNECT x:80 HTTP/1.1\r\n${HOST}\r\n`, ['405 method_not_allowed']],
    ['something after Connection: close', get('Connection: close') + NEXT, ['200 {"name":"x"}']],
  ])('get their own responses before %s gets its (INP-11)', async (_case, bytes, responses) => {
    expect(await afterHeldRequest(bytes)).toEqual(['200 {"held":true}', ...responses]);
  });

  it('are followed by one error response, however much garbage follows (INP-11)', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const socket = open();
    const responses = exchange(`GET /held HTTP/1.1\r\n${HOST}\r\n`, socket);
    await expect.poll(() => held.length).toBe(1);
    for (let piece = 0; piece < 12; piece++) {
      const failed = once(server.server, 'clientError');
      socket.write('garbage\r\n\r\n');
      await failed;
    }
    held.pop()?.();
    expect(await responses).toEqual(['200 {"held":true}', '400 request_malformed']);
    process.off('warning', onWarning);
    // Such as MaxListenersExceededWarning.
    expect(warnings).toEqual([]);
  });

  it('may wait up to the limit, and a client that sends more is disconnected (FLT-11, INP-11)', async () => {
    const most = await afterHeldRequest(get('X: a').repeat(MAX_WAITING_REQUESTS - 1) + NEXT);
    expect(most).toHaveLength(MAX_WAITING_REQUESTS + 1);
    handled.length = 0;
    expect(await exchange(`GET /held HTTP/1.1\r\n${HOST}\r\n${get('X: a').repeat(MAX_WAITING_REQUESTS + 1)}`)).toEqual(
      [],
    );
    expect(handled).toEqual(['GET /held']);
    held.pop()?.();
  });
});

describe('a request that is answered before its body', () => {
  it.each([
    ['turns out malformed', `${CHUNKED}\r\n\r\n`, 'g\r\n'],
    ['times out', 'Content-Length: 20\r\n\r\n', '{'],
  ])('%s gets no second response (INP-11)', async (_case, fields, body) => {
    const socket = open();
    const responses = exchange(`GET /echo/x HTTP/1.1\r\n${HOST}${fields}`, socket);
    await once(socket, 'data');
    socket.write(body);
    expect(await responses).toEqual(['200 {"name":"x"}']);
  });
});
