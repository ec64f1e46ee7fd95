import { Controller, Get, Header, Module, Sse, type MessageEvent } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport';
import { once } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setInterval as ticks, setTimeout as pause } from 'node:timers/promises';
import { concat, finalize, fromEvent, interval, map, NEVER, Observable, of, takeUntil } from 'rxjs';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Ended } from '../../src/access/ended.decorator.js';
import { EndedSignals } from '../../src/access/ended-signals.js';
import { Authenticated, Public } from '../../src/access/route-access.decorators.js';
import { KeyAdministrationService } from '../../src/auth/key-administration.service.js';
import { GracefulShutdown } from '../../src/health/graceful-shutdown.js';
import { Problem } from '../../src/problems/problem.js';
import { KeyRing } from '../../src/tokens/key-ring.js';
import { UserAdministrationService } from '../../src/users/user-administration.service.js';
import { Users } from '../../src/users/users.js';
import { afterAllTests, startApp, type TestApp } from '../support/app.js';

/** Streams that are being produced. */
const producing = { count: 0 };

@Controller('v1/streams')
class StreamsController {
  @Sse('events')
  events(@Ended() ended: AbortSignal): Observable<MessageEvent> {
    producing.count++;
    return concat(of({ data: 'first' }), NEVER).pipe(
      takeUntil(fromEvent(ended, 'abort')),
      finalize(() => producing.count--),
    );
  }

  @Get('lines')
  @Header('content-type', 'text/event-stream')
  lines(@Ended() ended: AbortSignal): Readable {
    return Readable.from(linesUntil(ended));
  }

  @Sse('odd')
  @Authenticated('odd-expiry')
  odd(@Ended() ended: AbortSignal): Observable<MessageEvent> {
    return this.events(ended);
  }

  @Sse('deaf')
  deaf(@Ended() _ended: AbortSignal): Observable<MessageEvent> {
    return concat(of({ data: 'first' }), NEVER);
  }

  @Sse('flood')
  flood(@Ended() ended: AbortSignal): Observable<MessageEvent> {
    return interval(5).pipe(
      map(() => ({ data: 'x'.repeat(100_000) })),
      takeUntil(fromEvent(ended, 'abort')),
    );
  }

  @Sse('public')
  @Public()
  public(@Ended() ended: AbortSignal): Observable<MessageEvent> {
    return this.events(ended);
  }

  @Get('answer')
  answer(@Ended() ended: AbortSignal, @Ended() same: AbortSignal): object {
    return { aborted: ended.aborted, isSame: ended === same };
  }

  @Sse('late')
  async late(@Ended() ended: AbortSignal): Promise<Observable<MessageEvent>> {
    await once(ended, 'abort');
    await pause(600);
    return concat(of({ data: 'first' }), NEVER).pipe(takeUntil(fromEvent(ended, 'abort')));
  }

  @Get('late-lines')
  @Header('content-type', 'text/event-stream')
  async lateLines(@Ended() ended: AbortSignal): Promise<Readable> {
    await once(ended, 'abort');
    await pause(600);
    return Readable.from(ticks(50, 'data: first\n\n'));
  }

  @Get('late-text')
  async lateText(@Ended() ended: AbortSignal): Promise<string> {
    await once(ended, 'abort');
    await pause(600);
    return 'x'.repeat(16_000_000);
  }

  @Get('slow-answer')
  async slowAnswer(@Ended() ended: AbortSignal): Promise<object> {
    await once(ended, 'abort');
    await pause(500);
    throw ended.reason;
  }
}

async function* linesUntil(ended: AbortSignal): AsyncGenerator<string> {
  producing.count++;
  try {
    yield 'data: first\n\n';
    for await (const _ of ticks(15_000, undefined, { signal: ended })) yield ':\n\n';
  } catch {
    yield `event: ended\ndata: ${ended.reason instanceof Problem ? ended.reason.kind.code : 'gone'}\n\n`;
  } finally {
    producing.count--;
  }
}

/** Returns a user whose expiry is the JSON of a header. */
class OddExpiryStrategy extends PassportStrategy(Strategy, 'odd-expiry') {
  /** Not called. */
  validate(): void {}

  override authenticate({ headers }: { headers: Record<string, unknown> }): void {
    this.success({ userId: 'x', expiresAt: JSON.parse(String(headers['x-expiry'])) as unknown });
  }
}

@Module({ controllers: [StreamsController], providers: [OddExpiryStrategy] })
class StreamsModule {}

/** Stops the node in order, as a signal does. */
async function drain({ nest }: TestApp): Promise<void> {
  const { server } = nest.getHttpAdapter().getInstance();
  await nest.get(GracefulShutdown, { strict: false }).drainServer(server, new AbortController().signal);
  await nest.close();
}

const onFinished = afterAllTests();
let app: TestApp;
let other: TestApp;
beforeAll(async () => {
  const changes = { clockToleranceSeconds: 0 };
  app = await startApp({ features: [StreamsModule], changes }, onFinished);
  other = await startApp({ features: [StreamsModule], changes, databaseUrl: app.databaseUrl }, onFinished);
});

const signalsOf = (node: TestApp): EndedSignals => node.nest.get(EndedSignals, { strict: false });

interface OpenStream {
  readonly text: () => string;
  readonly client: ClientRequest;
  /** Resolves when the stream is over, in whatever way. */
  readonly closed: Promise<void>;
  readonly isComplete: () => boolean;
}

/** Opens a stream and waits for its first event. */
async function openStream(node: TestApp, name: string, token?: string): Promise<OpenStream> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const client = request(`${node.url}/v1/streams/${name}`, { headers }).on('error', () => undefined);
  onTestFinished(() => void client.destroy());
  client.end();
  const [response] = (await once(client, 'response')) as [IncomingMessage];
  expect(response.statusCode).toBe(200);
  expect(response.headers['content-type']).toMatch('text/event-stream');
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const closed = new Promise<void>((resolve) => response.once('close', resolve).on('error', () => undefined));
  await expect.poll(() => text).toContain('data: first\n\n');
  return { text: () => text, client, closed, isComplete: () => response.complete };
}

/** Milliseconds until the stream is over. */
async function timeOf({ closed }: OpenStream, startedAt = performance.now()): Promise<number> {
  await closed;
  return performance.now() - startedAt;
}

describe('an event stream with @Ended()', () => {
  const ends: readonly [string, string, (token: string, email: string) => Promise<unknown>][] = [
    ['a logout on another node', 'token_revoked', (token) => other.logout(token)],
    ['the end of all sessions on another node', 'token_revoked', (token) => other.logout(token, 'global')],
    [
      'a ban by another node',
      'token_revoked',
      (_, email) => other.nest.get(UserAdministrationService, { strict: false }).disableUser(email),
    ],
    [
      'a change of roles on another node',
      'token_stale',
      async (_, email) => {
        const user = await other.nest.get(Users, { strict: false }).find({ email });
        await other.nest.get(Users, { strict: false }).grant(user?.id ?? '', 'editor');
      },
    ],
    [
      'a change of roles on its own node',
      'token_stale',
      async (_, email) => {
        const user = await app.nest.get(Users, { strict: false }).find({ email });
        await app.nest.get(Users, { strict: false }).grant(user?.id ?? '', 'editor');
      },
    ],
    [
      'the revocation of its key on another node',
      'token_invalid',
      () => {
        const { kid } = other.nest.get(KeyRing, { strict: false }).signingKey;
        return other.nest.get(KeyAdministrationService, { strict: false }).revokeSigningKey(kid);
      },
    ],
  ];

  it.each(ends)('ends within a second of %s (%s)', async (_, code, end) => {
    const { token, email } = await app.signIn();
    const others = await app.signIn();
    const streams = await Promise.all([openStream(app, 'events', token), openStream(app, 'lines', token)]);
    const unconcerned = code === 'token_invalid' ? undefined : await openStream(app, 'lines', others.token);
    await end(token, email);
    const times = await Promise.all(streams.map((stream) => timeOf(stream)));
    expect(Math.max(...times)).toBeLessThan(1000);
    expect(streams.map((stream) => stream.isComplete())).toEqual([true, true]);
    expect(streams[1]?.text()).toMatch(new RegExp(`event: ended\ndata: ${code}\n\n$`));
    if (unconcerned !== undefined) expect((await app.me(others.token)).status).toBe(200);
    expect(unconcerned?.text() ?? '').not.toContain('ended');
    unconcerned?.client.destroy();
    await expect.poll(() => producing.count).toBe(0);
    expect(signalsOf(app).size).toBe(0);
  });

  it('does not begin where a strategy says an expiry that is no Date', async () => {
    for (const expiry of ['"never"', '1']) {
      const response = await fetch(`${app.url}/v1/streams/odd`, { headers: { 'x-expiry': expiry } });
      expect([response.status, await response.json()]).toMatchObject([500, { code: 'internal_error' }]);
    }
  });

  it('ends when its token expires', async () => {
    const expiresAt = Math.floor(Date.now() / 1000) + 3;
    const token = await app.signTokenWith({ exp: expiresAt });
    const stream = await openStream(app, 'lines', token);
    await stream.closed;
    expect(stream.text()).toContain('data: token_expired');
    expect(Date.now() / 1000).toBeGreaterThanOrEqual(expiresAt);
    expect(Date.now() / 1000).toBeLessThan(expiresAt + 1);
  });

  it('ends when its client disconnects, and is forgotten', async () => {
    const { token } = await app.signIn();
    const streams = await Promise.all(['events', 'lines', 'deaf'].map((name) => openStream(app, name, token)));
    expect(signalsOf(app).size).toBe(3);
    for (const { client } of streams) client.destroy();
    await expect.poll(() => signalsOf(app).size).toBe(0);
    await expect.poll(() => producing.count).toBe(0);
  });

  it('is cut off when its handler ignores the signal, or its client never reads', async () => {
    const { token } = await app.signIn();
    const deaf = await openStream(app, 'deaf', token);
    const accepted = once(app.nest.getHttpServer(), 'connection') as Promise<[Socket]>;
    const client = request(`${app.url}/v1/streams/flood`, { headers: { authorization: `Bearer ${token}` } });
    onTestFinished(() => void client.destroy());
    client.on('error', () => undefined).end();
    const [unread] = (await once(client, 'response')) as [IncomingMessage];
    const [connection] = await accepted;
    await expect.poll(() => connection.writableLength).toBeGreaterThan(0);
    await other.logout(token);
    expect(await timeOf(deaf)).toBeLessThan(1000);
    expect(deaf.isComplete()).toBe(false);
    const connections = (): Promise<number> =>
      new Promise((resolve) => app.nest.getHttpServer().getConnections((_: unknown, count: number) => resolve(count)));
    unread.on('error', () => undefined);
    await expect.poll(() => signalsOf(app).size).toBe(0);
    await expect.poll(() => unread.socket.destroyed || unread.resume().destroyed, { timeout: 2000 }).toBe(true);
    expect(await connections()).toBeLessThan(10);
  });

  it.each(['late', 'late-lines'])('that begins after its credential has ended is cut off: %s', async (name) => {
    const { token } = await app.signIn();
    const stream = openStream(app, name, token);
    await expect.poll(() => signalsOf(app).size).toBe(1);
    await other.logout(token);
    expect(await timeOf(await stream)).toBeLessThan(1000);
    expect((await stream).isComplete()).toBe(false);
  });

  it('of a public route ends with the process alone', async () => {
    const stream = await openStream(app, 'public');
    expect(signalsOf(app).size).toBe(1);
    stream.client.destroy();
    await expect.poll(() => signalsOf(app).size).toBe(0);
  });

  it('of hundreds ends within a second of the end of all sessions', async () => {
    const { token } = await app.signIn();
    const streams = await Promise.all(Array.from({ length: 300 }, () => openStream(app, 'events', token)));
    expect(signalsOf(app).size).toBe(300);
    await other.logout(token, 'global');
    const times = await Promise.all(streams.map((stream) => timeOf(stream)));
    expect(Math.max(...times)).toBeLessThan(1000);
    expect(streams.every((stream) => stream.isComplete())).toBe(true);
    expect(signalsOf(app).size).toBe(0);
  });

  it('lives while it is silent for longer than a request may take, and has its line in the log', async () => {
    const { token } = await app.signIn();
    const stream = await openStream(app, 'events', token);
    await pause(13_000);
    expect(signalsOf(app).size).toBe(1);
    await app.logout(token);
    await stream.closed;
    expect(stream.isComplete()).toBe(true);
    const lines = () =>
      app.log().filter(({ route, milliseconds }) => route === '/v1/streams/events' && Number(milliseconds) > 13_000);
    await expect.poll(lines).toMatchObject([{ method: 'GET', status: 200, msg: 'request' }]);
  });
});

@Controller('v1/streams')
class EndlessController {
  @Sse('endless')
  endless(): Observable<MessageEvent> {
    return interval(1000).pipe(map(() => ({ data: 'on' })));
  }
}

@Module({ controllers: [EndlessController] })
class EndlessModule {}

describe('@Ended()', () => {
  it('is required of a handler with @Sse(), by name, at the start', async () => {
    await expect(startApp({ features: [EndlessModule] })).rejects.toThrow(
      'EndlessController.endless has @Sse() and no @Ended(): its stream would go on after a logout, and hold up a shutdown. Add the parameter "@Ended() ended: AbortSignal"',
    );
  });

  it('is one signal for a request, and forgotten with its answer', async () => {
    const { token } = await app.signIn();
    expect((await app.call('GET', '/v1/streams/answer', { token })).body).toEqual({ aborted: false, isSame: true });
    await expect.poll(() => signalsOf(app).size).toBe(0);
  });

  it('cuts off no answer that has not begun: the handler may throw the reason', async () => {
    const { token } = await app.signIn();
    const answer = app.call('GET', '/v1/streams/slow-answer', { token });
    await expect.poll(() => signalsOf(app).size).toBe(1);
    await other.logout(token);
    expect(await answer).toMatchObject({ status: 401, body: { code: 'token_revoked' } });
  });

  it('cuts off no answer that begins afterwards and is no stream, however long its client takes', async () => {
    const { token } = await app.signIn();
    const headers = { authorization: `Bearer ${token}` };
    const client = request(`${app.url}/v1/streams/late-text`, { headers }).end();
    await expect.poll(() => signalsOf(app).size).toBe(1);
    await other.logout(token);
    const [response] = (await once(client, 'response')) as [IncomingMessage];
    await pause(1000);
    expect((await response.toArray()).reduce((sum: number, { length }: Buffer) => sum + length, 0)).toBe(16_000_000);
  });

  it('holds up no shutdown by streams that begin during it', { timeout: 60_000 }, async () => {
    const node = await startApp({ features: [StreamsModule] });
    const { token } = await node.signIn();
    const stream = openStream(node, 'late', token);
    await expect.poll(() => signalsOf(node).size).toBe(1);
    const startedAt = performance.now();
    const drained = drain(node);
    expect(await timeOf(await stream, startedAt)).toBeLessThan(2000);
    await drained;
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  it('holds up no shutdown, whoever has opened streams', { timeout: 60_000 }, async () => {
    const node = await startApp({ features: [StreamsModule] });
    const { token } = await node.signIn();
    const streams = await Promise.all(
      ['events', 'lines', 'deaf', 'public'].map((name) => openStream(node, name, token)),
    );
    const startedAt = performance.now();
    const drained = drain(node);
    const times = await Promise.all(streams.map((stream) => timeOf(stream, startedAt)));
    expect(Math.max(...times)).toBeLessThan(1000);
    expect(streams[1]?.text()).toContain('data: service_unavailable');
    // One that is opened meanwhile ends, too.
    await drained;
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });
});
