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

/** Some fifty milliseconds a hash; where there is no CPU time for it, long enough for all of them to wait. */
const SLOW = { argon2MemoryKib: 19_456, argon2Passes: 8, hashConcurrency: 1, hashQueueMilliseconds: 10_000_000 };
const NO_WAIT = 100;
/** On a slow machine the first are done before the last have come. */
const MANY = NO_WAIT / 2;
const ROUNDS = 3;

/** More than the system takes from a server ahead of its client. */
const LONG = Buffer.alloc(16_000_000);
const LONG_AT_ONCE = 10;

@Controller('long')
class LongController {
  @Get()
  @Public()
  answer(): Buffer {
    return LONG;
  }
}

@Module({ controllers: [LongController] })
class LongModule {}

function post(path: string, value: object): string {
  const body = JSON.stringify(value);
  const fields = ['Host: x', 'Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`];
  return [`POST ${path} HTTP/1.1`, ...fields, '', body].join('\r\n');
}

/** Unlike `expect.poll` it keeps nothing until the test is over. */
async function until(isSo: () => boolean): Promise<void> {
  await vi.waitUntil(isSo, { interval: 1, timeout: 20_000 });
}

/** What is sent on so many connections, and when it is where it shall be. */
interface Requests {
  readonly text: string;
  readonly count?: number;
  readonly areThere: (accepted: readonly Socket[]) => boolean;
}

/** Half of them as a client does that goes, half as one that crashes. */
async function breakOff(app: TestApp, { text, count = NO_WAIT, areThere }: Requests): Promise<void> {
  const server: Server = app.nest.getHttpServer();
  const accepted: Socket[] = [];
  const accept = (socket: Socket): void => void accepted.push(socket);
  server.on('connection', accept);
  const { port, hostname } = new URL(app.url);
  const sockets = Array.from({ length: count }, () => connect(Number(port), hostname).on('error', () => undefined));
  for (const socket of sockets) socket.pause().write(text);
  await until(() => accepted.length === count && areThere(accepted));
  server.off('connection', accept);
  for (const [index, socket] of sockets.entries()) {
    if (index % 2 === 0) socket.destroy();
    else socket.resetAndDestroy();
  }
  await until(() => accepted.every(({ closed }) => closed));
}

const poolOf = (app: TestApp) => app.nest.get(PrismaService, { strict: false }).poolStats();

/** What requests hold while they are there, apart from the connections that the pool keeps open. */
function held(app: TestApp): Record<string, number> {
  const { total, idle, waiting } = poolOf(app);
  const hashes = app.nest.get(PasswordsService, { strict: false }).stats();
  const sockets = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length - total;
  return { sockets, connections: total - idle, waiting, hashes: hashes.running + hashes.waiting };
}

function read(text: string): Requests {
  return { text, areThere: (accepted) => accepted.every(({ bytesRead }) => bytesRead === text.length) };
}

/** At which a request can be broken off. */
function moments(app: TestApp, { email, token }: SignedIn): Record<string, () => Promise<void>> {
  const login = post('/v1/auth/login', { email, password: PASSWORD });
  return {
    'in its header': () => breakOff(app, read(login.slice(0, 40))),
    'in its body': () => breakOff(app, read(login.slice(0, -10))),
    'while it waits for a hash': () =>
      breakOff(app, { text: login, areThere: () => (held(app)['hashes'] ?? 0) > MANY }),
    'while the database works': async () => {
      const holder = new pg.Client({ connectionString: app.databaseUrl });
      await holder.connect();
      await holder.query('BEGIN; LOCK TABLE users');
      const text = `GET /v1/users/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;
      const areThere = (): boolean => (held(app)['connections'] ?? 0) + poolOf(app).waiting > MANY;
      await breakOff(app, { text, areThere });
      await holder.end();
    },
    'while its answer is written': () =>
      breakOff(app, {
        text: 'GET /long HTTP/1.1\r\nHost: x\r\n\r\n',
        count: LONG_AT_ONCE,
        areThere: (accepted) => accepted.every(({ writableLength }) => writableLength > 0),
      }),
  };
}

it(
  'requests that are broken off, whenever, leave no socket, connection, place in a queue or memory (FLT-18)',
  { timeout: 120_000 },
  async () => {
    const app = await startApp({ changes: SLOW, features: [LongModule] });
    const user = await app.signIn();
    const before = held(app);
    const left = (): string[] => {
      const more = Object.entries(held(app)).filter(([what, count]) => count > (before[what] ?? 0));
      return more.map(([what, count]) => `${what}: ${count}`);
    };
    const breakAllOff = async (): Promise<void> => {
      for (const [moment, breakThem] of Object.entries(moments(app, user))) {
        await breakThem();
        await until(() => left().length === 0).catch(() => expect([moment, ...left()]).toEqual([moment]));
      }
    };
    await breakAllOff();
    const [signals, heap] = [queryObjects(AbortController, { format: 'count' }), heapInUse()];
    for (let round = 0; round < ROUNDS; round++) await breakAllOff();
    // Less than anything that could be kept of each.
    const growth = heapInUse() - heap;
    expect(growth / (ROUNDS * 4 * NO_WAIT)).toBeLessThan(1500);
    expect(queryObjects(ServerRequest, { format: 'count' })).toBe(0);
    expect(queryObjects(AbortController, { format: 'count' })).toBe(signals);
    expect((await app.me(user.token)).status).toBe(200);
  },
);
