import { fastify } from 'fastify';
import { once } from 'node:events';
import { Agent, request as ask, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { httpServerOptions, prepareHttp, registerHttp } from './http-server.js';

const http = prepareHttp({ https: false });
let port: number;

beforeAll(async () => {
  const server = fastify(httpServerOptions(http));
  registerHttp(server, http);
  server.get('/next', async () => 'next');
  // Responds before the body is read, like a guarded route without a token.
  server.post(
    '/refused',
    { onRequest: async (_request, reply) => reply.code(401).send('refused') },
    async () => 'read',
  );
  server.post('/read', async () => 'read');
  await server.listen({ host: '127.0.0.1', port: 0 });
  ({ port } = server.server.address() as AddressInfo);
  return () => server.close();
});

/** Status and Connection header of the response to a request that the agent may send on a kept-alive connection. */
async function responseTo(agent: Agent, method: string, path: string, body?: string): Promise<string> {
  const outgoing = ask({
    agent,
    port,
    host: '127.0.0.1',
    method,
    path,
    headers: { 'content-type': 'application/json' },
  });
  if (body !== undefined) {
    outgoing.setHeader('transfer-encoding', 'chunked');
    outgoing.write(body);
  }
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  await text(response);
  return `${response.statusCode} ${response.headers.connection}`;
}

describe('a response that begins before the end of a chunked request body', () => {
  it('closes the connection, so that no further request of the client is lost (FLT-11)', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    for (let time = 0; time < 20; time++) {
      expect(await responseTo(agent, 'POST', '/refused', '{}')).toBe('401 close');
      expect(await responseTo(agent, 'GET', '/next')).toBe('200 keep-alive');
    }
  });

  it.each([
    ['POST', '/refused', 'close'],
    ['POST', '/unknown', 'close'],
    ['PUT', '/read', 'close'],
    ['GET', '/next', 'close'],
    ['POST', '/read', 'keep-alive'],
  ])(
    'has Connection: close whatever sends it, and no other response has: %s %s is %s (FLT-11)',
    async (method, path, connection) => {
      const socket = connect({ host: '127.0.0.1', port }).setEncoding('latin1');
      onTestFinished(() => void socket.destroy());
      const head = `${method} ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
      socket.write(`${head}2\r\n{}\r\n0\r\n\r\n`);
      const [response] = (await once(socket, 'data')) as [string];
      expect(/^connection: (.+)\r$/im.exec(response)?.[1]).toBe(connection);
    },
  );
});
