import { fastify, type FastifyInstance } from 'fastify';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ReadPace } from './slow-readers.js';
import { MAX_WAITING_REQUESTS } from './pipelining.js';
import { CLIENT_TIMEOUTS, type ClientTimeouts } from './client-timeouts.js';
import { prepareHttp, registerHttp, httpServerOptions } from './http-server.js';

const MIB = 1024 * 1024;
/** More than the system keeps for a client that does not read. */
const MANY = MAX_WAITING_REQUESTS;

interface Service {
  readonly fastify: FastifyInstance;
  /** How many answers of a MiB have been made. */
  readonly made: () => number;
}

async function serve(pace: ReadPace, timeouts: Partial<ClientTimeouts> = {}): Promise<Service> {
  const http = prepareHttp({ https: false });
  const server = fastify(httpServerOptions(http, { ...CLIENT_TIMEOUTS, ...timeouts }));
  onTestFinished(() => server.close());
  registerHttp(server, http, { pace });
  let made = 0;
  server.get('/large', (_request, reply) => reply.send(Buffer.alloc(MIB, String(made++ % 10))));
  server.get('/stream', (_request, reply) => reply.send(Readable.from(pieces())));
  server.get('/small', (_request, reply) => reply.send({}));
  server.get('/late', async () => {
    await pause(10 * pace.graceMs);
    return {};
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  return { fastify: server, made: () => made };
}

/** 256 MiB. */
function* pieces(): Generator<Buffer> {
  for (let piece = 0; piece < 4096; piece++) yield Buffer.alloc(MIB / 16);
}

function ask({ fastify: { server } }: Service, path: string, times = 1): Socket {
  const { port } = server.address() as AddressInfo;
  const socket = connect({ host: '127.0.0.1', port }).on('error', () => undefined);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(times - 1));
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  return socket;
}

/** Reads and rests in turn; says how much has been read. */
function restingEach(bytes: number, restMs: number, socket: Socket): () => number {
  let read = 0;
  let restedAt = 0;
  socket.on('data', (chunk) => {
    read += chunk.length;
    if (read - restedAt < bytes) return;
    restedAt = read;
    socket.pause();
    setTimeout(() => socket.resume(), restMs);
  });
  return () => read;
}

/** However it ends. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** The other end of the next connection. */
async function accepted({ fastify: { server } }: Service): Promise<Socket> {
  const [socket] = (await once(server, 'connection')) as [Socket];
  return socket;
}

const seconds = (milliseconds: number): string => `${milliseconds / 1000} s`;

describe('a client that asks', () => {
  it('and never reads is cut off, and no answer is made before it took the one before (FLT-11)', async () => {
    const service = await serve({ graceMs: 200, bytesPerSecond: 10 * MIB, checkMs: 25 });
    const connection = accepted(service);
    const startedAt = performance.now();
    const socket = ask(service, '/large', MANY);
    socket.pause();
    await closed(await connection);
    expect(performance.now() - startedAt).toBeGreaterThan(200);
    // What the system took off our hands, and one more.
    expect(service.made()).toBeLessThan(MANY / 2);
    socket.destroy();
  });

  it('and goes on reading, but too slowly, is cut off (FLT-11)', async () => {
    const service = await serve({ graceMs: 200, bytesPerSecond: 1024 * MIB, checkMs: 25 });
    const socket = ask(service, '/stream');
    const read = restingEach(MIB, 10, socket);
    await closed(socket);
    expect(read()).toBeGreaterThan(MIB);
    expect(read()).toBeLessThan(256 * MIB);
  });

  it('and reads slowly, but fast enough for its size, gets everything (FLT-11)', async () => {
    const graceMs = 50;
    const service = await serve({ graceMs, bytesPerSecond: MIB / 8, checkMs: 10 });
    const socket = ask(service, '/large', MANY);
    const startedAt = performance.now();
    const read = restingEach(4 * MIB, 4 * graceMs, socket);
    await closed(socket);
    expect(read()).toBeGreaterThan(MANY * MIB);
    expect(performance.now() - startedAt).toBeGreaterThan(20 * graceMs);
  });

  it('and waits for an answer that takes its time gets it (FLT-11)', async () => {
    const service = await serve({ graceMs: 50, bytesPerSecond: MIB, checkMs: 10 });
    const [answer] = (await once(ask(service, '/late'), 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('a client that says nothing', () => {
  it.each([
    ['at first', '', '408'],
    ['any more', 'GET /small HTTP/1.1\r\nHost: x\r\n\r\n', '200'],
  ])('%s is cut off (FLT-10)', async (_case, bytes, status) => {
    // Node waits a second longer for what it told clients would be so long.
    const service = await serve(CLIENT_TIMEOUTS, { headersMs: 100, idleMs: 100, checkMs: 25 });
    const { port } = service.fastify.server.address() as AddressInfo;
    const socket = connect({ host: '127.0.0.1', port });
    let answer = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
    socket.write(bytes);
    await closed(socket);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });
});

it('the deadlines are those of docs/security.md (FLT-10, FLT-11, CFG-04)', async () => {
  const {
    fastify: { server },
  } = await serve(CLIENT_TIMEOUTS);
  const { headersTimeout, requestTimeout, keepAliveTimeout } = server;
  expect([headersTimeout, requestTimeout, keepAliveTimeout]).toEqual([
    CLIENT_TIMEOUTS.headersMs,
    CLIENT_TIMEOUTS.requestMs,
    CLIENT_TIMEOUTS.idleMs,
  ]);
  const said = readFileSync('docs/security.md', 'utf8').replaceAll(/\s+/g, ' ');
  const limits = [
    `header section within ${seconds(CLIENT_TIMEOUTS.headersMs)}`,
    `with its body within ${seconds(CLIENT_TIMEOUTS.requestMs)}`,
    `${seconds(CLIENT_TIMEOUTS.graceMs)} and a second for each ${CLIENT_TIMEOUTS.bytesPerSecond / 1024} KiB`,
    `idle for ${seconds(CLIENT_TIMEOUTS.idleMs)}`,
    `${MAX_WAITING_REQUESTS} requests may wait`,
  ];
  expect(limits.filter((limit) => !said.includes(limit))).toEqual([]);
});
