import { fastify } from 'fastify';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ServerRequest, linkRequestsToResponses } from './empty-request-events.js';
import { httpServerOptions, prepareHttp, registerHttp } from './http-server.js';

const METHODS = ['on', 'once', 'addListener'] as const;

const REQUESTS = {
  GET: 'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET of HTTP/1.0': 'GET / HTTP/1.0\r\n\r\n',
  'POST without a length': 'POST / HTTP/1.1\r\nHost: x\r\n\r\n',
  'POST of length 0': 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
  'POST of chunks': 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n',
};

const serverWithOption = (listener: RequestListener): Server =>
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

/** The events of a request, from its start until its connection is closed. */
async function eventsOf(make: (listener: RequestListener) => Server, bytes: string, isAnswered: boolean) {
  const events: string[] = [];
  const clients: Socket[] = [];
  const server = make((request, response) => {
    for (const method of METHODS) {
      for (const event of ['end', 'aborted', 'close']) request[method](event, () => events.push(`${event} ${method}`));
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
  // Events that the end of the connection causes come in later turns of the event loop.
  await expect.poll(() => events.includes('close on')).toBe(true);
  return events.toSorted();
}

describe('a request without a body', () => {
  it.each(Object.entries(REQUESTS))(
    'emits the same events as on a plain Node server when it is answered: %s',
    async (_, bytes) => {
      expect(await eventsOf(serverWithOption, bytes, true)).toEqual(
        await eventsOf((listener) => createServer(listener), bytes, true),
      );
    },
  );

  it.each(Object.entries(REQUESTS).slice(0, 3))(
    'emits aborted and close when its client disconnects: %s',
    async (_, bytes) => {
      const events = await eventsOf(serverWithOption, bytes, false);
      expect(events).toEqual(
        expect.arrayContaining(METHODS.flatMap((method) => [`aborted ${method}`, `close ${method}`])),
      );
    },
  );
});

describe('a client that disconnects before its response', () => {
  it('triggers onRequestAbort and request.signal of Fastify', async () => {
    const http = prepareHttp({ https: false });
    const server = fastify(httpServerOptions(http));
    onTestFinished(() => server.close());
    registerHttp(server, http);
    const events: string[] = [];
    server.addHook('onRequestAbort', (_request, done) => {
      events.push('onRequestAbort');
      done();
    });
    const arrived = new Promise<void>((resolve) => {
      server.get('/never', (request, _reply) => {
        request.signal.addEventListener('abort', () => events.push('signal'));
        resolve();
      });
    });
    await server.listen({ host: '127.0.0.1', port: 0 });
    const { port } = server.server.address() as AddressInfo;
    const socket = connect({ host: '127.0.0.1', port });
    socket.write('GET /never HTTP/1.1\r\nHost: x\r\n\r\n');
    await arrived;
    socket.destroy();
    await expect.poll(() => events.toSorted()).toEqual(['onRequestAbort', 'signal']);
  });
});

it('a request without a body can be read to its end by a handler', async () => {
  const read = new Promise<number>((resolve) => {
    const server = serverWithOption((request: IncomingMessage, response) => {
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
