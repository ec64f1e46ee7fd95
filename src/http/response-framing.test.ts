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
  // Answered before the body is read, as a request without a token is.
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

/** The answer to a request that an agent sends on a connection that it thinks it may use. */
async function answerOf(agent: Agent, method: string, path: string, body?: string): Promise<string> {
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
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  await text(answer);
  return `${answer.statusCode} ${answer.headers.connection}`;
}

describe('an answer that is given before the end of a chunked body', () => {
  it('tells the client to send its next request elsewhere, so that none is lost (FLT-11)', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    for (let time = 0; time < 20; time++) {
      expect(await answerOf(agent, 'POST', '/refused', '{}')).toBe('401 close');
      expect(await answerOf(agent, 'GET', '/next')).toBe('200 keep-alive');
    }
  });

  it.each([
    ['POST', '/refused', 'close'],
    ['POST', '/unknown', 'close'],
    ['PUT', '/read', 'close'],
    ['GET', '/next', 'close'],
    ['POST', '/read', 'keep-alive'],
  ])('is so of whoever answers, and of no other: %s %s is %s (FLT-11)', async (method, path, connection) => {
    const socket = connect({ host: '127.0.0.1', port }).setEncoding('latin1');
    onTestFinished(() => void socket.destroy());
    const head = `${method} ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
    socket.write(`${head}2\r\n{}\r\n0\r\n\r\n`);
    const [answer] = (await once(socket, 'data')) as [string];
    expect(/^connection: (.+)\r$/im.exec(answer)?.[1]).toBe(connection);
  });
});
