import { fastify } from 'fastify';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { httpServerOptions, prepareHttp, registerHttp } from './http-server.js';

const REQUEST = 'GET /late HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.50:4000\r\n\r\n';

/** A server whose route reads the client's address when the connection has been closed. */
async function serve(trustedProxies?: readonly string[]) {
  const http = prepareHttp({ https: false, trustedProxies });
  const server = fastify(httpServerOptions(http));
  onTestFinished(() => server.close());
  registerHttp(server, http);
  const addresses: string[] = [];
  server.get('/late', (request) => {
    const readAddress = (): void => void addresses.push(request.ip);
    if (request.socket.closed) readAddress();
    else request.socket.once('close', readAddress);
  });
  server.get('/', ({ ip }) => ({ ip: ip ?? 'none' }));
  await server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.server.address() as AddressInfo;
  return { server: server.server, port, addresses };
}

/** While the server cannot accept it, a client connects, sends a request and closes the connection. */
function sendAndCloseBeforeArrival(port: number, close: 'destroy' | 'resetAndDestroy'): void {
  const client = `
    const socket = require('node:net').connect(${port}, '127.0.0.1', () => {
      socket.write(${JSON.stringify(REQUEST)}, () => socket.${close}());
    });`;
  expect(spawnSync(process.execPath, ['-e', client], { encoding: 'utf8', timeout: 20_000 })).toMatchObject({
    status: 0,
    stderr: '',
  });
}

describe('the address of a connection', () => {
  it.each([
    ['is kept', undefined, '127.0.0.1'],
    ['is that of a trusted proxy, so that its header counts', ['127.0.0.1'], '203.0.113.50'],
  ])('that its client closed before it arrived %s', async (_case, trusted, address) => {
    const { server, port, addresses } = await serve(trusted);
    sendAndCloseBeforeArrival(port, 'destroy');
    const [socket] = (await once(server, 'connection')) as [Socket];
    await once(socket, 'close');
    await expect.poll(() => addresses).toEqual([address]);
  });

  it.each([
    ['is kept', undefined, '127.0.0.1'],
    ['is that of a trusted proxy, so that its header counts', ['127.0.0.1'], '203.0.113.50'],
  ])('that its client reset after it arrived %s', async (_case, trusted, address) => {
    const { server, port, addresses } = await serve(trusted);
    const client = connect(port, '127.0.0.1');
    await Promise.all([once(client, 'connect'), once(server, 'connection')]);
    client.write(REQUEST);
    client.resetAndDestroy();
    await expect.poll(() => addresses).toEqual([address]);
  });

  it('that was reset before it arrived is unknown: its requests are not read', async () => {
    const { server, port } = await serve();
    let requests = 0;
    server.on('request', () => requests++);
    sendAndCloseBeforeArrival(port, 'resetAndDestroy');
    const [socket] = (await once(server, 'connection')) as [Socket];
    expect(socket.destroyed).toBe(true);
    await once(socket, 'close');
    expect([requests, socket.bytesRead]).toEqual([0, 0]);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).json()).toEqual({ ip: '127.0.0.1' });
  });
});

it('a Unix socket has clients without an address, and serves them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const http = prepareHttp({ https: false });
  const server = fastify(httpServerOptions(http));
  onTestFinished(() => server.close());
  registerHttp(server, http);
  server.get('/', ({ ip }) => ({ ip: ip ?? 'none' }));
  await server.listen({ path: join(folder, 'http') });
  const client = connect(join(folder, 'http')).setEncoding('utf8');
  client.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  let text = '';
  client.on('data', (chunk: string) => (text += chunk));
  await once(client, 'close');
  expect(text).toContain('{"ip":"none"}');
});
