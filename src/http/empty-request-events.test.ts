import { fastify } from 'fastify';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ServerRequest, linkRequestsToResponses } from './empty-request-events.js';
import { httpServerOptions, prepareHttp, registerHttp } from './http-server.js';

const WAYS = ['on', 'once', 'addListener'] as const;

const REQUESTS = {
  GET: 'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET of HTTP/1.0': 'GET / HTTP/1.0\r\n\r\n',
  'POST without a length': 'POST / HTTP/1.1\r\nHost: x\r\n\r\n',
  'POST of length 0': 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
  'POST of chunks': 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n',
};

const ours = (listener: RequestListener): Server =>
  createServer({ IncomingMessage: ServerRequest, optimizeEmptyRequests: true }, linkRequestsToResponses(listener));

async function open(server: Server, bytes: string): Promise<Socket> {
  server.listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect({ host: '127.0.0.1', port }).on('error', () => undefined);
  socket.write(bytes);
  return socket;
}

/** What a listener of a request is told from its beginning until its connection has gone. */
async function toldBy(make: (listener: RequestListener) => Server, bytes: string, isAnswered: boolean) {
  const told: string[] = [];
  const clients: Socket[] = [];
  const server = make((request, response) => {
    for (const way of WAYS) {
      for (const event of ['end', 'aborted', 'close']) request[way](event, () => told.push(`${event} ${way}`));
    }
    request.on('error', () => undefined);
    if (isAnswered) {
      request.resume();
      response.end('answer');
    } else clients[0]?.destroy();
  });
  const socket = await open(server, bytes);
  clients.push(socket);
  if (isAnswered) socket.once('data', () => socket.end());
  const [connection] = (await once(server, 'connection')) as [Socket];
  await once(connection, 'close');
  // What the end of a connection sets off comes with the next turns.
  await expect.poll(() => told.includes('close on')).toBe(true);
  return told.toSorted();
}

describe('a request without a body', () => {
  it.each(Object.entries(REQUESTS))('tells a listener what Node does when it is answered: %s', async (_, bytes) => {
    expect(await toldBy(ours, bytes, true)).toEqual(await toldBy((listener) => createServer(listener), bytes, true));
  });

  it.each(Object.entries(REQUESTS).slice(0, 3))('tells a listener that its client has gone: %s', async (_, bytes) => {
    const told = await toldBy(ours, bytes, false);
    expect(told).toEqual(expect.arrayContaining(WAYS.flatMap((way) => [`aborted ${way}`, `close ${way}`])));
  });
});

describe('a client that goes away without an answer', () => {
  it('is told of by onRequestAbort and request.signal of Fastify', async () => {
    const http = prepareHttp({ https: false });
    const server = fastify(httpServerOptions(http));
    onTestFinished(() => server.close());
    registerHttp(server, http);
    const told: string[] = [];
    server.addHook('onRequestAbort', (_request, done) => {
      told.push('onRequestAbort');
      done();
    });
    const arrived = new Promise<void>((resolve) => {
      server.get('/never', (request, _reply) => {
        request.signal.addEventListener('abort', () => told.push('signal'));
        resolve();
      });
    });
    await server.listen({ host: '127.0.0.1', port: 0 });
    const { port } = server.server.address() as AddressInfo;
    const socket = connect({ host: '127.0.0.1', port });
    socket.write('GET /never HTTP/1.1\r\nHost: x\r\n\r\n');
    await arrived;
    socket.destroy();
    await expect.poll(() => told.toSorted()).toEqual(['onRequestAbort', 'signal']);
  });
});

it('a request without a body can be read to its end by a handler', async () => {
  const read = new Promise<number>((resolve) => {
    const server = ours((request: IncomingMessage, response) => {
      void (async () => {
        let pieces = 0;
        for await (const _ of request) pieces++;
        response.end();
        resolve(pieces);
      })();
    });
    void open(server, REQUESTS.GET);
  });
  expect(await read).toBe(0);
});
