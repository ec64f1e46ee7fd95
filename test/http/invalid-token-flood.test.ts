import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { afterAllTests, createDatabase } from '../support/app.js';
import { startNode, type Node } from '../support/processes.js';

/** Flooding connections, each with sequential requests. */
const CROWD = 16;
const ROUNDS = 7;
const ROUND_MS = 100;
/** Measured with forged tokens, each of which is verified: 2.5. The limit is about twice that. */
const MAX_SLOWDOWN = 6;

let node: Node;
let good: string;
const onFinished = afterAllTests();

beforeAll(async () => {
  node = await startNode(await createDatabase(onFinished), {}, onFinished);
  good = (await node.client.signIn()).token;
});

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** The valid token with a random signature. */
function forged(): string {
  return `${good.slice(0, good.lastIndexOf('.'))}.${randomBytes(64).toString('base64url')}`;
}

function ofUnknownKey(): string {
  const [, claims = '', signature = ''] = good.split('.');
  return `${encode({ typ: 'at+jwt', alg: 'ES256', kid: randomUUID() })}.${claims}.${signature}`;
}

const requestOf = (token: string): string =>
  `GET /v1/auth/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;

/** Sends a request and resolves with the status; the response arrives in one chunk. */
async function ask(socket: Socket, token: string): Promise<string> {
  socket.write(requestOf(token));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  return answer.toString('latin1', 9, 12);
}

async function open(): Promise<Socket> {
  const { hostname, port } = new URL(node.client.url);
  const socket = connect(Number(port), hostname).setNoDelay();
  await once(socket, 'connect');
  return socket;
}

interface Flood {
  readonly token: () => string;
  readonly status: string;
}

/** The median latency of a valid request during a flood, in milliseconds. */
async function medianLatencyDuring({ token, status }: Flood): Promise<number> {
  const flood = { isOver: false };
  const crowd = await Promise.all(Array.from({ length: CROWD }, open));
  const flooding = crowd.map(async (socket) => {
    while (!flood.isOver) expect(await ask(socket, token())).toBe(status);
    socket.destroy();
  });
  const user = await open();
  const times: number[] = [];
  for (const until = performance.now() + ROUND_MS; performance.now() < until;) {
    const startedAt = performance.now();
    expect(await ask(user, good)).toBe('200');
    times.push(performance.now() - startedAt);
  }
  flood.isOver = true;
  user.destroy();
  await Promise.all(flooding);
  return median(times);
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((one, other) => one - other)[numbers.length >> 1] ?? Number.NaN;
}

describe('a flood of invalid tokens', () => {
  it.each<[string, () => string]>([
    ['garbage', () => randomBytes(400).toString('base64url')],
    ['tokens of unknown keys', ofUnknownKey],
    ['forged tokens', forged],
  ])('(%s) makes a valid request at most six times as slow as a flood of valid ones (TOK-15)', async (_case, token) => {
    const [bad, valid] = [
      { token, status: '401' },
      { token: () => good, status: '200' },
    ];
    await medianLatencyDuring(bad);
    const ratios: number[] = [];
    // Alternating, so that other load on the machine affects both alike.
    for (let round = 0; round < ROUNDS; round++)
      ratios.push((await medianLatencyDuring(bad)) / (await medianLatencyDuring(valid)));
    expect(median(ratios)).toBeLessThan(MAX_SLOWDOWN);
  });
});
