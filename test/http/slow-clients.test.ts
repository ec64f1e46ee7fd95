import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { afterAllTests, startApp, type TestApp } from '../support/app.js';

const CROWD = 100;
const HEAD = 'GET /v1/auth/me HTTP/1.1\r\nHost: x\r\nX: ';
const BODY =
  'POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2000\r\n\r\n{';

let app: TestApp;
const onFinished = afterAllTests();

beforeAll(async () => {
  app = await startApp({}, onFinished);
});

function open(bytes: string): Socket {
  const { hostname, port } = new URL(app.url);
  const socket = connect(Number(port), hostname).on('error', () => undefined);
  socket.write(bytes);
  onTestFinished(() => void socket.destroy());
  return socket;
}

/**
 * Sends this head and then endless one-byte chunks as fast as they are read; resolves with the response's status and
 * the time until the connection closed.
 */
function flood(line: string): Promise<End> {
  const startedAt = performance.now();
  const socket = open(
    `${line} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
  const chunks = Buffer.from('1\r\n \r\n'.repeat(10_000));
  const more = (): void => void socket.write(chunks, (error) => (error ? undefined : more()));
  more();
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
  return new Promise((resolve) => {
    socket.on('close', () => resolve({ status: answer.slice(9, 12), seconds: (performance.now() - startedAt) / 1000 }));
  });
}

interface End {
  readonly status: string;
  readonly seconds: number;
}

/** Starts a request and continues it byte by byte; resolves with the status and the time when the connection closes. */
function trickle(bytes: string): Promise<End> {
  const startedAt = performance.now();
  const socket = open(bytes);
  const timer = setInterval(() => socket.write(' '), 500);
  let answer = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (answer += chunk));
  return new Promise((resolve) => {
    socket.on('close', () => {
      clearInterval(timer);
      resolve({ status: answer.slice(9, 12), seconds: (performance.now() - startedAt) / 1000 });
    });
  });
}

describe('slow clients', () => {
  it(
    'are disconnected within seconds, and others are served meanwhile (FLT-10, FLT-11)',
    { timeout: 60_000 },
    async () => {
      const { email, token } = await app.signIn();
      let ended = 0;
      const begin = (bytes: string): Promise<End[]> =>
        Promise.all(Array.from({ length: CROWD }, () => trickle(bytes).finally(() => ended++)));
      const [heads, bodies] = [begin(HEAD), begin(BODY)];
      const server = app.nest.getHttpServer();
      const connections = promisify(server.getConnections.bind(server));
      await expect.poll(() => connections()).toBeGreaterThanOrEqual(2 * CROWD);
      for (let request = 0; request < 50; request++) expect((await app.me(token)).status).toBe(200);
      expect((await app.login(email)).status).toBe(200);
      expect(ended).toBe(0);
      const [ofHeads, ofBodies] = [await heads, await bodies];
      expect(new Set([...ofHeads, ...ofBodies].map(({ status }) => status))).toEqual(new Set(['408']));
      // Deadlines are checked once a second; the upper bounds allow for a slow machine.
      const [earliestHead, earliestBody] = [ofHeads, ofBodies].map((ends) =>
        Math.min(...ends.map(({ seconds }) => seconds)),
      );
      expect(earliestHead).toBeGreaterThan(4.9);
      expect(earliestBody).toBeGreaterThan(9.9);
      expect(Math.max(...ofHeads.map(({ seconds }) => seconds))).toBeLessThan(earliestBody ?? 0);
      expect(Math.max(...ofBodies.map(({ seconds }) => seconds))).toBeLessThan(20);
    },
  );

  it("that never read are disconnected when the request's time limit is over (FLT-11)", async () => {
    const server = app.nest.getHttpServer();
    const accepted = once(server, 'connection');
    const socket = open('GET /docs/static/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20));
    socket.pause();
    const [connection] = (await accepted) as [Socket];
    await expect.poll(() => connection.writableLength).toBeGreaterThan(0);
    expect(connection.destroyed).toBe(false);
    vi.useFakeTimers({ toFake: ['performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const minuteLater = (): boolean => {
      vi.advanceTimersByTime(60_000);
      return connection.destroyed;
    };
    await expect.poll(minuteLater, { interval: 500, timeout: 15_000 }).toBe(true);
  });
});

describe('ten clients that send chunks endlessly', () => {
  it.each([
    ['to an unknown path', 'POST /nothing', '404'],
    ['without a token', 'POST /v1/users/me/password', '401'],
    ['to a route without body', 'GET /health/live', '200'],
  ])(
    '%s get a response, are disconnected within a second, and others are served meanwhile (FLT-11)',
    async (_case, line, status) => {
      const { token } = await app.signIn();
      const cut = new AbortController();
      const floods = Promise.all(Array.from({ length: 10 }, () => flood(line))).finally(() => cut.abort());
      const latencies: number[] = [];
      while (!cut.signal.aborted || latencies.length < 20) {
        const sentAt = performance.now();
        expect((await app.me(token)).status).toBe(200);
        latencies.push(performance.now() - sentAt);
      }
      const ends = await floods;
      expect(new Set(ends.map((end) => end.status))).toEqual(new Set([status]));
      expect(Math.max(...ends.map(({ seconds }) => seconds))).toBeLessThan(1);
      expect(latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length / 2)]).toBeLessThan(50);
    },
  );
});
