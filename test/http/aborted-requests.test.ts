import { Controller, Get, Module } from '@nestjs/common';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { queryObjects } from 'node:v8';
import pg from 'pg';
import { expect, it, vi } from 'vitest';
import { Public } from '../../src/access/route-access.decorators.js';
import { PrismaService } from '../../src/database/prisma.service.js';
import { PasswordsService } from '../../src/passwords/passwords.service.js';
import { ServerRequest } from '../../src/http/empty-request-events.js';
import { PASSWORD, startApp, type TestApp } from '../support/app.js';
import type { SignedIn } from '../support/client.js';
import { heapInUse } from '../support/heap.js';

/** A hash takes about 50 ms; the queue time is long enough for all requests even without CPU time. */
const SLOW = { argon2MemoryKib: 19_456, argon2Passes: 8, hashConcurrency: 1, hashQueueMilliseconds: 10_000_000 };
const CONNECTIONS = 100;
/** At least this many are in progress at once: on a slow machine the first finish before the last arrive. */
const IN_PROGRESS = CONNECTIONS / 2;
const ROUNDS = 3;

/** More than fits in the socket buffers. */
const LONG_BODY = Buffer.alloc(16_000_000);
const LONG_CONNECTIONS = 10;

@Controller('long')
class LongController {
  @Get()
  @Public()
  answer(): Buffer {
    return LONG_BODY;
  }
}

@Module({ controllers: [LongController] })
class LongModule {}

function post(path: string, value: object): string {
  const body = JSON.stringify(value);
  const fields = ['Host: x', 'Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`];
  return [`POST ${path} HTTP/1.1`, ...fields, '', body].join('\r\n');
}

/** Unlike `expect.poll` it retains nothing until the end of the test. */
async function until(isSo: () => boolean): Promise<void> {
  await vi.waitUntil(isSo, { interval: 1, timeout: 20_000 });
}

/** What is sent on how many connections, and whether the requests have reached the intended state. */
interface Requests {
  readonly text: string;
  readonly count?: number;
  readonly haveArrived: (accepted: readonly Socket[]) => boolean;
}

/** Sends the requests and aborts half of them with FIN, half with RST. */
async function abortRequests(app: TestApp, { text, count = CONNECTIONS, haveArrived }: Requests): Promise<void> {
  const server: Server = app.nest.getHttpServer();
  const accepted: Socket[] = [];
  const accept = (socket: Socket): void => void accepted.push(socket);
  server.on('connection', accept);
  const { port, hostname } = new URL(app.url);
  const sockets = Array.from({ length: count }, () => connect(Number(port), hostname).on('error', () => undefined));
  for (const socket of sockets) socket.pause().write(text);
  await until(() => accepted.length === count && haveArrived(accepted));
  server.off('connection', accept);
  for (const [index, socket] of sockets.entries()) {
    if (index % 2 === 0) socket.destroy();
    else socket.resetAndDestroy();
  }
  await until(() => accepted.every(({ closed }) => closed));
}

const poolOf = (app: TestApp) => app.nest.get(PrismaService, { strict: false }).poolStats();

/** What requests in progress hold, without the idle connections of the pool. */
function heldResources(app: TestApp): Record<string, number> {
  const { total, idle, waiting } = poolOf(app);
  const hashes = app.nest.get(PasswordsService, { strict: false }).hashStats();
  const sockets = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length - total;
  return { sockets, connections: total - idle, waiting, hashes: hashes.running + hashes.waiting };
}

function readByServer(text: string): Requests {
  return { text, haveArrived: (accepted) => accepted.every(({ bytesRead }) => bytesRead === text.length) };
}

/** Moments at which requests are aborted. */
function abortMoments(app: TestApp, { email, token }: SignedIn): Record<string, () => Promise<void>> {
  const login = post('/v1/auth/login', { email, password: PASSWORD });
  return {
    'in its header': () => abortRequests(app, readByServer(login.slice(0, 40))),
    'in its body': () => abortRequests(app, readByServer(login.slice(0, -10))),
    'while it waits for a hash': () =>
      abortRequests(app, { text: login, haveArrived: () => (heldResources(app)['hashes'] ?? 0) > IN_PROGRESS }),
    'while the database works': async () => {
      const holder = new pg.Client({ connectionString: app.databaseUrl });
      await holder.connect();
      await holder.query('BEGIN; LOCK TABLE users');
      const text = `GET /v1/users/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;
      const haveArrived = (): boolean => (heldResources(app)['connections'] ?? 0) + poolOf(app).waiting > IN_PROGRESS;
      await abortRequests(app, { text, haveArrived });
      await holder.end();
    },
    'while its answer is written': () =>
      abortRequests(app, {
        text: 'GET /long HTTP/1.1\r\nHost: x\r\n\r\n',
        count: LONG_CONNECTIONS,
        haveArrived: (accepted) => accepted.every(({ writableLength }) => writableLength > 0),
      }),
  };
}

it(
  'requests aborted at any moment leave no socket, connection, queue entry or memory (FLT-18)',
  { timeout: 120_000 },
  async () => {
    const app = await startApp({ changes: SLOW, features: [LongModule] });
    const user = await app.signIn();
    const before = heldResources(app);
    const left = (): string[] => {
      const more = Object.entries(heldResources(app)).filter(([what, count]) => count > (before[what] ?? 0));
      return more.map(([what, count]) => `${what}: ${count}`);
    };
    const abortAtEveryMoment = async (): Promise<void> => {
      for (const [moment, abortAtMoment] of Object.entries(abortMoments(app, user))) {
        await abortAtMoment();
        await until(() => left().length === 0).catch(() => expect([moment, ...left()]).toEqual([moment]));
      }
    };
    await abortAtEveryMoment();
    const [signals, heap] = [queryObjects(AbortController, { format: 'count' }), heapInUse()];
    for (let round = 0; round < ROUNDS; round++) await abortAtEveryMoment();
    // Less than any retained object per request would take.
    const growth = heapInUse() - heap;
    expect(growth / (ROUNDS * 4 * CONNECTIONS)).toBeLessThan(1500);
    expect(queryObjects(ServerRequest, { format: 'count' })).toBe(0);
    expect(queryObjects(AbortController, { format: 'count' })).toBe(signals);
    expect((await app.me(user.token)).status).toBe(200);
  },
);
