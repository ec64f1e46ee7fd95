import { fastify, type FastifyInstance } from 'fastify';
import { once } from 'node:events';
import { createServer, request as ask, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { sendProblem } from '../problems/problem.filter.js';
import { MOST_PIECES_AT_ONCE, MOST_REQUESTS_AT_ONCE } from './arrivals.js';
import { useWire, wireOptions } from './wire.js';

const settings = { https: false };

/** What reached a handler. */
const handled: string[] = [];

let server: FastifyInstance;
let port: number;

beforeAll(async () => {
  server = fastify(wireOptions(settings));
  useWire(server, settings);
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

/** Sends the bytes at once and reads until the server closes: each answer as its status and what its body says. */
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

/** One byte in each. */
function chunksOf(body: string): string {
  return `${body.replaceAll(/./g, '1\r\n$&\r\n')}0\r\n\r\n`;
}

function post(body: string): string {
  return `POST / HTTP/1.1\r\nHost: x\r\n${CHUNKED}\r\n${chunksOf(body)}`;
}

/** A list that takes so many bytes. */
function list(bytes: number): string {
  return `[1${' '.repeat(bytes - 3)}]`;
}

describe('a body that comes in many chunks (INP-06)', () => {
  it('is read, as many as may come at once', async () => {
    expect(await exchange(post(list(MOST_PIECES_AT_ONCE)) + LAST)).toEqual(['200 [1]', '200 {"name":"last"}']);
  });

  it('is 413 with more, and nothing behind it is looked at', async () => {
    // What was read of it until then would have been a body of its own.
    const answers = await exchange(`${post(list(10) + ' '.repeat(5000))}${LAST}`);
    expect(answers).toEqual(['413 body_too_large']);
    expect(handled).toEqual([]);
  });

  it('is 413 after the answers to what was sent before', async () => {
    expect(await exchange(get('/late') + post(list(5000)) + LAST)).toEqual(['200 late', '413 body_too_large']);
    expect(handled).toEqual(['GET /late']);
  });

  it('is no more to be had where no body is read', async () => {
    const bodies = `${get('/name', CHUNKED)}${chunksOf(list(400))}`.repeat(30);
    const { length } = await exchange(bodies + LAST);
    expect(length).toBeGreaterThan(0);
    expect(length).toBeLessThan((2 * MOST_PIECES_AT_ONCE) / 400 + 1);
  });
});

describe('many requests at once (INP-06)', () => {
  it('are answered, as many as may come', async () => {
    // The others wait for their turn, of which there are fewer.
    const answers = await exchange(get('/%').repeat(MOST_REQUESTS_AT_ONCE - 1) + LAST);
    expect(answers).toHaveLength(MOST_REQUESTS_AT_ONCE);
    expect(answers.at(-1)).toBe('200 {"name":"last"}');
  });

  it.each([
    ['served', get('/name')],
    ['refused', get('/a/b')],
    ['refused for their target', get('/%')],
    ['expecting something', get('/name', 'Expect: something\r\n')],
  ])('end the connection with more, if they are %s', async (_case, bytes) => {
    const { length } = await exchange(bytes.repeat(Math.floor(60_000 / bytes.length)) + LAST);
    expect(length).toBeGreaterThan(0);
    expect(length).toBeLessThanOrEqual(2 * MOST_REQUESTS_AT_ONCE);
  });
});

describe('the parser of a connection that sent too much', () => {
  it('takes all of what others send later, to a client of this process also', async () => {
    const pieces = 2 * MOST_PIECES_AT_ONCE + 500;
    const other = createServer((_request, response) => {
      response.socket?.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunksOf('x'.repeat(pieces))}`);
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    await exchange(post(list(5000)));

    expect(await exchange(post(list(500)) + LAST)).toEqual(['200 [1]', '200 {"name":"last"}']);
    const { port: otherPort } = other.address() as AddressInfo;
    const asked = ask({ port: otherPort, host: '127.0.0.1', agent: false }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    expect(Buffer.concat(await response.toArray())).toHaveLength(pieces);
  });
});
