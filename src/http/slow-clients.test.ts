import { fastify, type FastifyInstance } from 'fastify';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { READ_PACE, type ReadPace } from './slow-readers.js';
import { MAX_WAITING_REQUESTS } from './pipelining.js';
import { CLIENT_TIMEOUTS, type ClientTimeouts } from './client-timeouts.js';
import { prepareHttp, registerHttp, httpServerOptions } from './http-server.js';

const MIB = 1024 * 1024;
/** More MiB than the system buffers for a client that does not read. */
const MANY = MAX_WAITING_REQUESTS;

interface Service {
  readonly fastify: FastifyInstance;
  /** How many responses of a MiB have been made. */
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

/** Reads, pausing after each `bytes`; the result says how much has been read. */
function readWithPauses(bytes: number, pauseMs: number, socket: Socket): () => number {
  let read = 0;
  let pausedAt = 0;
  socket.on('data', (chunk) => {
    read += chunk.length;
    if (read - pausedAt < bytes) return;
    pausedAt = read;
    socket.pause();
    setTimeout(() => socket.resume(), pauseMs);
  });
  return () => read;
}

/** Resolves when the socket closes, with or without an error. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** The server's side of the next connection. */
async function accepted({ fastify: { server } }: Service): Promise<Socket> {
  const [socket] = (await once(server, 'connection')) as [Socket];
  return socket;
}

const seconds = (milliseconds: number): string => `${milliseconds / 1000} s`;

describe('a client that', () => {
  it('never reads is disconnected, and no response is made before it has read the one before (FLT-11)', async () => {
    const service = await serve({ graceMs: 200, bytesPerSecond: 10 * MIB, checkMs: 25 });
    const connection = accepted(service);
    const startedAt = performance.now();
    const socket = ask(service, '/large', MANY);
    socket.pause();
    await closed(await connection);
    expect(performance.now() - startedAt).toBeGreaterThan(200);
    // Those that the system has buffered, and one more.
    expect(service.made()).toBeLessThan(MANY / 2);
    socket.destroy();
  });

  it('reads too slowly is disconnected (FLT-11)', async () => {
    const service = await serve({ graceMs: 200, bytesPerSecond: 1024 * MIB, checkMs: 25 });
    const socket = ask(service, '/stream');
    const read = readWithPauses(MIB, 10, socket);
    await closed(socket);
    expect(read()).toBeGreaterThan(MIB);
    expect(read()).toBeLessThan(256 * MIB);
  });

  it('reads slowly, but above the minimum pace, gets everything (FLT-11)', async () => {
    const graceMs = 50;
    const service = await serve({ graceMs, bytesPerSecond: MIB / 8, checkMs: 10 });
    const socket = ask(service, '/large', MANY);
    const startedAt = performance.now();
    const read = readWithPauses(4 * MIB, 4 * graceMs, socket);
    await closed(socket);
    expect(read()).toBeGreaterThan(MANY * MIB);
    expect(performance.now() - startedAt).toBeGreaterThan(20 * graceMs);
  });

  it('waits for a slow handler gets its response (FLT-11)', async () => {
    const service = await serve({ graceMs: 50, bytesPerSecond: MIB, checkMs: 10 });
    const [answer] = (await once(ask(service, '/late'), 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('a client that sends nothing', () => {
  it.each([
    ['after it has connected', '', '408'],
    ['after its first response', 'GET /small HTTP/1.1\r\nHost: x\r\n\r\n', '200'],
  ])('%s is disconnected (FLT-10)', async (_case, bytes, status) => {
    // Node adds a second to the keep-alive timeout that it announces.
    const service = await serve(READ_PACE, { headersMs: 100, idleMs: 100, checkMs: 25 });
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
  } = await serve(READ_PACE);
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
    `${seconds(READ_PACE.graceMs)} and a second for each ${READ_PACE.bytesPerSecond / 1024} KiB`,
    `idle for ${seconds(CLIENT_TIMEOUTS.idleMs)}`,
    `${MAX_WAITING_REQUESTS} requests may wait`,
  ];
  expect(limits.filter((limit) => !said.includes(limit))).toEqual([]);
});
