import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createDatabase } from './app.js';
import { Balancer } from './balancer.js';
import { Client } from './client.js';
import { ended, startNode, type Node } from './processes.js';

describe('a node that is told to leave', () => {
  it('is not ready first, goes on serving, ends each connection, and exits with 0 (FLT-04)', async () => {
    const node = await startNode(await createDatabase());
    const { token } = await node.client.signIn();
    const gone = ended(node);
    const startedAt = performance.now();
    node.process.kill('SIGTERM');
    await expect.poll(async () => (await node.client.call('GET', '/health/ready')).status).toBe(503);
    expect((await node.client.call('GET', '/health/live')).status).toBe(200);
    const { status, headers } = await node.client.me(token);
    expect([status, headers.get('connection')]).toEqual([200, 'close']);
    expect(await gone).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  it('answers what it has accepted (FLT-04)', async () => {
    const node = await startNode(await createDatabase(), {
      ARGON2_PASSES: '40',
      HASH_QUEUE_MILLISECONDS: '60000',
    });
    const logins = Array.from({ length: 3 }, (_, turn) => node.client.register(`${turn}@example.com`));
    await pause(50);
    const gone = ended(node);
    node.process.kill('SIGTERM');
    expect((await Promise.all(logins)).map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(await gone).toBe(0);
  });

  it('leaves at once when nobody is there', async () => {
    const node = await startNode(await createDatabase());
    const startedAt = performance.now();
    const gone = ended(node);
    node.process.kill('SIGTERM');
    expect(await gone).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  it('cuts off what does not end within SHUTDOWN_TIMEOUT_SECONDS, and exits with 0', async () => {
    const node = await startNode(await createDatabase(), { SHUTDOWN_TIMEOUT_SECONDS: '5' });
    const { hostname, port } = new URL(node.client.url);
    const socket = connect(Number(port), hostname).on('error', () => undefined);
    socket.write(
      'POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    );
    await once(socket, 'connect');
    const startedAt = performance.now();
    const gone = ended(node);
    node.process.kill('SIGTERM');
    expect(await gone).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });
});

describe('two nodes behind a proxy', () => {
  it('that are restarted in turn, ten times, lose no request (FLT-04, FLT-12)', { timeout: 180_000 }, async () => {
    const databaseUrl = await createDatabase();
    const balancer = await Balancer.open();
    const client = new Client(balancer.url);
    let nodes: Node[] = await Promise.all([startNode(databaseUrl), startNode(databaseUrl)]);
    for (const { client: direct } of nodes) balancer.add(direct.url);
    await expect.poll(() => balancer.ready).toBe(2);

    const outcomes: Record<string, number> = {};
    const over = new AbortController();
    const keep = async (name: string, ask: () => Promise<number>): Promise<void> => {
      while (!over.signal.aborted) {
        const outcome = `${name} ${await ask().catch(String)}`;
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        await pause(5);
      }
    };
    const { token, refreshToken } = await client.signIn();
    // Of another user: the hundred-and-first login would end the first session.
    const emails = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(async () => (await client.signIn()).email));
    let turn = 0;
    let current = refreshToken;
    const refresh = async (): Promise<number> => {
      const { status, body } = await client.refresh(current);
      current = String(body['refresh_token']);
      return status;
    };
    const load = [
      keep('me', async () => (await client.me(token)).status),
      keep('me', async () => (await client.me(token)).status),
      keep('login', async () => (await client.login(emails[turn++ % emails.length] ?? '')).status),
      keep('refresh', refresh),
    ];
    for (let restart = 0; restart < 10; restart++) {
      const [leaving, staying] = nodes as [Node, Node];
      const gone = ended(leaving);
      leaving.process.kill('SIGTERM');
      expect(await gone).toBe(0);
      balancer.remove(leaving.client.url);
      const fresh = await startNode(databaseUrl);
      balancer.add(fresh.client.url);
      await expect.poll(() => balancer.ready).toBe(2);
      nodes = [staying, fresh];
    }
    over.abort();
    await Promise.all(load);
    expect(Object.keys(outcomes).toSorted()).toEqual(['login 200', 'me 200', 'refresh 200']);
    expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(50);
  });
});
