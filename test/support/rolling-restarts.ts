import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { createDatabase } from './app.js';
import { Client } from './client.js';
import { IS_EXHAUSTIVE } from './exhaustive.js';
import { waitForExit, freePort, startNode, type Node } from './processes.js';

/** Each node twice; ten with `FAULT_SECONDS`. */
const RESTARTS = IS_EXHAUSTIVE ? 10 : 4;

/** A proxy in front of two nodes that checks which of them serve. */
export interface ReverseProxy {
  readonly url: string;
  /** The number of nodes that it sends requests to. */
  ready(): number | Promise<number>;
}

/** Restarts two nodes in turn under load, each on its own port, and expects that no request through the proxy fails. */
export async function restartInTurn(openProxy: (nodes: readonly URL[]) => Promise<ReverseProxy>): Promise<void> {
  const databaseUrl = await createDatabase();
  const start = (port: number): Promise<Node> => startNode(databaseUrl, { PORT: String(port) });
  const ports = [await freePort(), await freePort()];
  const nodes = await Promise.all(ports.map(start));
  const proxy = await openProxy(nodes.map(({ client }) => new URL(client.url)));
  const bothReady = () => expect.poll(() => proxy.ready(), { timeout: 20_000 }).toBe(2);
  await bothReady();

  const client = new Client(proxy.url);
  const outcomes: Record<string, number> = {};
  const over = new AbortController();
  const repeat = async (name: string, ask: () => Promise<number>): Promise<void> => {
    while (!over.signal.aborted) {
      const outcome = `${name} ${await ask().catch(String)}`;
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      await pause(5);
    }
  };
  const { token, refreshToken } = await client.signIn();
  // Logins of other users, since the 101st login of one user would end that user's first session.
  const emails = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(async () => (await client.signIn()).email));
  let turn = 0;
  let current = refreshToken;
  const refresh = async (): Promise<number> => {
    const { status, body } = await client.refresh(current);
    current = String(body['refresh_token']);
    return status;
  };
  const load = [
    repeat('me', async () => (await client.me(token)).status),
    repeat('me', async () => (await client.me(token)).status),
    repeat('login', async () => (await client.login(emails[turn++ % emails.length] ?? '')).status),
    repeat('refresh', refresh),
  ];
  for (let restart = 0; restart < RESTARTS; restart++) {
    const which = restart % nodes.length;
    const stopping = nodes[which] as Node;
    const exited = waitForExit(stopping);
    stopping.process.kill('SIGTERM');
    expect(await exited).toBe(0);
    nodes[which] = await start(ports[which] ?? 0);
    await bothReady();
  }
  over.abort();
  await Promise.all(load);
  expect(Object.keys(outcomes).toSorted()).toEqual(['login 200', 'me 200', 'refresh 200']);
  expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(50);
}
