import { fastify, type FastifyInstance } from 'fastify';
import { once } from 'node:events';
import { createServer, request as ask, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { sendProblem } from '../problems/problem.filter.js';
import { MAX_CHUNKS_PER_TURN } from './body-chunk-limit.js';
import { MAX_WAITING_REQUESTS } from './pipelining.js';
import { httpServerOptions, prepareHttp, registerHttp } from './http-server.js';

const http = prepareHttp({ https: false });

/** Requests that reached a handler. */
const handled: string[] = [];

let server: FastifyInstance;
let port: number;

beforeAll(async () => {
  server = fastify(httpServerOptions(http));
  registerHttp(server, http);
  server.setErrorHandler((error, request, reply) => sendProblem(error, () => undefined, request, reply));
  server.addHook('preHandler', (request, _reply, done) => {
    handled.push(`${request.method} ${request.url}`);
    done();
  });
  server.get('/:name', (request, reply) => reply.send(request.params));
  server.post('/', { schema: { body: { type: 'array' } } }, (request, reply) => reply.send(request.body));
  server.get('/late', async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return 'late';
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  ({ port } = server.server.address() as AddressInfo);
});
beforeEach(() => void (handled.length = 0));
afterAll(() => server.close());

/**
 * Sends the bytes at once and reads until the server closes: each response as its status and its problem code or body.
 */
async function exchange(bytes: string): Promise<string[]> {
  const socket = connect({ host: '127.0.0.1', port }).setEncoding('latin1');
  let text = '';
  socket.on('error', () => undefined).on('data', (chunk: string) => (text += chunk));
  socket.write(bytes);
  await once(socket, 'close');
  return text
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .filter((answer) => answer !== '')
    .map((answer) => `${answer.slice(9, 12)} ${/"code":"(\w+)"/.exec(answer)?.[1] ?? answer.split('\r\n\r\n')[1]}`);
}

const get = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`;
const LAST = get('/last', 'Connection: close\r\n');
const CHUNKED = 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n';

/** The body in chunks of one byte. */
function chunksOf(body: string): string {
  return `${body.replaceAll(/./g, '1\r\n$&\r\n')}0\r\n\r\n`;
}

function post(body: string): string {
  return `POST / HTTP/1.1\r\nHost: x\r\n${CHUNKED}\r\n${chunksOf(body)}`;
}

/** A JSON array of exactly so many bytes. */
function list(bytes: number): string {
  return `[1${' '.repeat(bytes - 3)}]`;
}

describe('a body in many chunks (INP-06)', () => {
  it('is read up to the limit of chunks at once', async () => {
    expect(await exchange(post(list(MAX_CHUNKS_PER_TURN)) + LAST)).toEqual(['200 [1]', '200 {"name":"last"}']);
  });

  it('is 413 over the limit, and nothing after it is processed', async () => {
    // The part within the limit is valid JSON, and must not pass for the whole body.
    const answers = await exchange(`${post(list(10) + ' '.repeat(5000))}${LAST}`);
    expect(answers).toEqual(['413 body_too_large']);
    expect(handled).toEqual([]);
  });

  it('is 413 after the responses to the requests before it', async () => {
    expect(await exchange(get('/late') + post(list(5000)) + LAST)).toEqual(['200 late', '413 body_too_large']);
    expect(handled).toEqual(['GET /late']);
  });
});

describe('many requests at once (INP-06)', () => {
  it('are answered up to the limit', async () => {
    const answers = await exchange(get('/%').repeat(MAX_WAITING_REQUESTS) + LAST);
    expect(answers).toHaveLength(MAX_WAITING_REQUESTS + 1);
    expect(answers.at(-1)).toBe('200 {"name":"last"}');
  });

  it.each([
    ['served', get('/name')],
    ['refused', get('/a/b')],
    ['refused for a malformed target', get('/%')],
    ['sent with an expectation', get('/name', 'Expect: something\r\n')],
  ])('end the connection over the limit, if they are %s', async (_case, bytes) => {
    const { length } = await exchange(bytes.repeat(Math.floor(60_000 / bytes.length)) + LAST);
    expect(length).toBeLessThanOrEqual(MAX_WAITING_REQUESTS + 1);
    expect(handled.length).toBeLessThanOrEqual(1);
  });
});

/** Sends the bytes and reads until the server closes, on several connections at once. */
async function flood(bytes: string, { connections, atOnce }: { connections: number; atOnce: number }): Promise<void> {
  for (let done = 0; done < connections; done += atOnce) {
    await Promise.all(Array.from({ length: atOnce }, () => exchange(bytes)));
  }
}

describe('a connection that', () => {
  it.each([
    ['asks for a tunnel after pipelined requests', `${get('/late').repeat(31)}CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n`],
    ['asks for a tunnel alone', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['sends too many chunks', post(list(5000))],
    ['sends too many requests', get('/name').repeat(500)],
    ['sends garbage after pipelined requests', `${get('/late').repeat(31)}garbage\r\n\r\n`],
    [
      'sends an expectation after pipelined requests',
      get('/late').repeat(30) + get('/x', 'Expect: x\r\nConnection: close\r\n'),
    ],
  ])('%s has no effect on later connections or on HTTP clients of this process (FLT-23)', async (_case, bytes) => {
    await flood(bytes, { connections: 36, atOnce: 12 });

    const largest = post(list(MAX_CHUNKS_PER_TURN));
    expect(await exchange(largest + LAST)).toEqual(['200 [1]', '200 {"name":"last"}']);
    for (let connection = 0; connection < 13; connection++) {
      expect(await exchange(`${post(list(10) + ' '.repeat(5000))}${LAST}`)).toEqual(['413 body_too_large']);
    }

    const pieces = 2 * MAX_CHUNKS_PER_TURN + 500;
    const other = createServer((_request, response) => {
      response.socket?.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunksOf('x'.repeat(pieces))}`);
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const { port: otherPort } = other.address() as AddressInfo;
    const asked = ask({ port: otherPort, host: '127.0.0.1', agent: false }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    expect(Buffer.concat(await response.toArray())).toHaveLength(pieces);
  });
});
