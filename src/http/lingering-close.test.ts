import { fastify, type FastifyInstance, type onRequestHookHandler } from 'fastify';
import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { sendProblem } from '../problems/problem.filter.js';
import { httpServerOptions, prepareHttp, registerHttp } from './http-server.js';
import { LINGER_IDLE_MS, LINGER_MAX_MS } from './lingering-close.js';

const answerEarly: onRequestHookHandler = (_request, reply) => void reply.header('connection', 'close').send('early');

let server: FastifyInstance;
let port: number;
beforeAll(async () => {
  const http = prepareHttp({ https: false });
  server = fastify(httpServerOptions(http));
  registerHttp(server, http);
  server.setErrorHandler((error, request, reply) => sendProblem(error, () => undefined, request, reply));
  server.post('/', { schema: { body: { type: 'array' } } }, (request, reply) => reply.send(request.body));
  server.post('/early', { onRequest: answerEarly }, () => undefined);
  await server.listen({ host: '127.0.0.1', port: 0 });
  ({ port } = server.server.address() as AddressInfo);
});
afterAll(() => server.close());

const MANY_BYTES = 20_000_000;
const head = (fields: string, path = '/'): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${fields}\r\n\r\n`;
const CHUNKED = head('Transfer-Encoding: chunked');
const piece = ' '.repeat(65_536);
const chunk = `10000\r\n${piece}\r\n`;
const tiny = '1\r\n \r\n'.repeat(10_000);

/** Everything that the requests below are refused for before they have arrived whole. */
const REFUSED: readonly [name: string, head: string, piece: string, status: number][] = [
  ['a body in chunks over the limit', CHUNKED, chunk, 413],
  ['a body with a length over the limit', head(`Content-Length: ${MANY_BYTES}`), piece, 413],
  ['a body in too many chunks', CHUNKED, tiny, 413],
  ['a path that does not exist', head('Transfer-Encoding: chunked', '/nowhere'), chunk, 404],
  ['a head that is malformed', 'POST / HTTP/1.1\r\nHost x\r\n\r\n', piece, 400],
  ['a chunk that is malformed', `${CHUNKED}g\r\n`, piece, 400],
];

interface Sending {
  readonly socket: Socket;
  readonly errors: Error[];
  readonly text: () => string;
}

/** A client that does not read yet. */
function begin(text: string): Sending {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const errors: Error[] = [];
  let received = '';
  onTestFinished(() => void socket.destroy());
  socket.on('error', (error) => errors.push(error)).setEncoding('latin1');
  socket.on('data', (part: string) => (received += part)).pause();
  socket.write(text);
  return { socket, errors, text: () => received };
}

async function sendAll({ socket }: Sending, part: string): Promise<void> {
  for (let sent = 0; sent < MANY_BYTES && !socket.destroyed; sent += part.length) {
    if (!socket.write(part)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
  }
}

describe('a response before the end of its request', () => {
  it.each(REFUSED)('reaches a client that sends all before it reads: %s', async (_case, text, part, status) => {
    const sending = begin(text);
    await sendAll(sending, part);
    sending.socket.resume();
    await once(sending.socket, 'end');
    sending.socket.end();
    await once(sending.socket, 'close');
    expect(sending.text()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(sending.text()).toMatch(/\r\nconnection: close\r\n/i);
    expect(sending.errors).toEqual([]);
  });

  it('reaches it also behind the response to a request before', async () => {
    const sending = begin(`${head('Content-Length: 2', '/nowhere')}[]${CHUNKED}`);
    await sendAll(sending, chunk);
    sending.socket.resume();
    await once(sending.socket, 'end');
    expect(sending.text().match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 404', 'HTTP/1.1 413']);
    expect(sending.errors).toEqual([]);
  });

  it('closes the connection at once where the client does', async () => {
    const { socket, text } = begin(CHUNKED + chunk.repeat(2));
    socket.resume();
    await once(socket, 'end');
    const startedAt = performance.now();
    socket.end();
    await once(socket, 'close');
    expect(performance.now() - startedAt).toBeLessThan(LINGER_IDLE_MS);
    expect(text()).toMatch(/^HTTP\/1\.1 413 /);
    await expect.poll(connections).toBe(0);
  });

  it('closes the connection soon where the client falls silent, or sends for ever', async () => {
    const silent = begin(head('Content-Length: 100', '/early'));
    const busy = begin(CHUNKED);
    const startedAt = performance.now();
    const sending = setInterval(() => busy.socket.writable && busy.socket.write(chunk), 50);
    onTestFinished(() => clearInterval(sending));
    silent.socket.resume();
    busy.socket.resume();
    await once(silent.socket, 'end');
    await expect.poll(connections, { timeout: LINGER_MAX_MS - 500 }).toBe(1);
    expect(performance.now() - startedAt).toBeGreaterThan(LINGER_IDLE_MS - 10);
    // By a reset, which is an error of the client.
    await new Promise((resolve) => busy.socket.once('close', resolve));
    expect(performance.now() - startedAt).toBeGreaterThan(LINGER_MAX_MS - 10);
    expect([silent, busy].map(({ text }) => text().slice(9, 12))).toEqual(['200', '413']);
    await expect.poll(connections).toBe(0);
  });

  it('reads nothing that follows as a request', async () => {
    const { socket, text } = begin(`${head('Content-Length: 20', '/early')}12345`);
    socket.resume();
    await expect.poll(text).toContain('early');
    socket.end(`678901234567890${head('Content-Length: 2', '/early')}[]`);
    await once(socket, 'close');
    expect(text().match(/HTTP\/1\.1/g)).toHaveLength(1);
  });
});

function connections(): Promise<number> {
  return new Promise((resolve) => server.server.getConnections((_error, count) => resolve(count)));
}
