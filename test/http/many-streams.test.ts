import { Controller, Module, Sse, type MessageEvent } from '@nestjs/common';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fromEvent, interval, map, startWith, takeUntil, type Observable } from 'rxjs';
import { expect, it, onTestFinished } from 'vitest';
import { Ended } from '../../src/access/ended.decorator.js';
import { EndedSignals } from '../../src/access/ended-signals.js';
import { GracefulShutdown } from '../../src/health/graceful-shutdown.js';
import { Users } from '../../src/users/users.js';
import { startApp } from '../support/app.js';

const USERS = 20;
const STREAMS_OF_USER = 100;

@Controller('v1/ticks')
class TicksController {
  @Sse()
  ticks(@Ended() ended: AbortSignal): Observable<MessageEvent> {
    return interval(1000).pipe(
      startWith(-1),
      map((data) => ({ data: String(data) })),
      takeUntil(fromEvent(ended, 'abort')),
    );
  }
}

@Module({ controllers: [TicksController] })
class TicksModule {}

interface Stream {
  readonly socket: Socket;
  /** Milliseconds of `performance.now()`; undefined while it goes on. */
  endedAt: number | undefined;
}

async function openStream(port: number, token: string): Promise<Stream> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  const stream: Stream = { socket, endedAt: undefined };
  const end = (): void => void (stream.endedAt ??= performance.now());
  socket.on('close', end);
  onTestFinished(() => void socket.destroy());
  socket.write(`GET /v1/ticks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  const [head] = (await once(socket, 'data')) as [Buffer];
  expect(head.toString('latin1')).toMatch(/^HTTP\/1\.1 200 /);
  // The last chunk; Nest keeps the connection of an event stream.
  socket.on('data', (chunk) => {
    if (chunk.toString('latin1').endsWith('0\r\n\r\n')) end();
  });
  return stream;
}

it('thousands of event streams hold up no other request, and end with a logout, a disabled user and the process', async () => {
  const app = await startApp({ features: [TicksModule] });
  const port = Number(new URL(app.url).port);
  const users = await Promise.all(Array.from({ length: USERS }, () => app.signIn()));
  const streamsOf = new Map<string, Stream[]>();
  for (const { token } of users) {
    const opened = Array.from({ length: STREAMS_OF_USER }, () => openStream(port, token));
    streamsOf.set(token, await Promise.all(opened));
  }
  const signals = app.nest.get(EndedSignals, { strict: false });
  expect(signals.size).toBe(USERS * STREAMS_OF_USER);
  const [leaving, banned, ...others] = users as [(typeof users)[0], (typeof users)[0], ...typeof users];
  const durations: number[] = [];
  for (let count = 0; count < 200; count++) {
    const start = performance.now();
    expect((await app.me(others[0]?.token ?? '')).status).toBe(200);
    durations.push(performance.now() - start);
  }
  expect(durations.toSorted((one, other) => one - other)[190]).toBeLessThan(250);

  const endedWithin = async (token: string, milliseconds: number, act: () => Promise<unknown>): Promise<void> => {
    const start = performance.now();
    await act();
    const streams = streamsOf.get(token) ?? [];
    await expect.poll(() => streams.every(({ endedAt }) => endedAt !== undefined), { timeout: 20_000 }).toBe(true);
    expect(Math.max(...streams.map(({ endedAt }) => endedAt ?? Infinity)) - start).toBeLessThan(milliseconds);
  };
  await endedWithin(leaving.token, 2000, () => app.logout(leaving.token));
  await endedWithin(banned.token, 2000, () => app.nest.get(Users, { strict: false }).disable(banned.userId));
  const open = others.flatMap(({ token }) => streamsOf.get(token) ?? []);
  expect(open.filter(({ endedAt }) => endedAt !== undefined)).toEqual([]);
  expect(signals.size).toBe(open.length);

  const start = performance.now();
  const { server } = app.nest.getHttpAdapter().getInstance() as {
    server: Parameters<GracefulShutdown['drainServer']>[0];
  };
  await app.nest.get(GracefulShutdown, { strict: false }).drainServer(server, new AbortController().signal);
  expect(performance.now() - start).toBeLessThan(5000);
  await expect.poll(() => open.every(({ endedAt }) => endedAt !== undefined), { timeout: 5000 }).toBe(true);
  expect(signals.size).toBe(0);
});
