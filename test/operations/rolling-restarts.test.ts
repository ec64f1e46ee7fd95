import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createDatabase } from '../support/app.js';
import { LoadBalancer } from '../support/load-balancer.js';
import { waitForExit, startNode } from '../support/processes.js';
import { restartInTurn } from '../support/rolling-restarts.js';

describe('a node that receives SIGTERM', () => {
  it('first reports not ready, keeps serving, closes each connection, and exits with 0 (FLT-04)', async () => {
    const node = await startNode(await createDatabase());
    const { token } = await node.client.signIn();
    const exited = waitForExit(node);
    const startedAt = performance.now();
    node.process.kill('SIGTERM');
    await expect.poll(async () => (await node.client.call('GET', '/health/ready')).status).toBe(503);
    expect((await node.client.call('GET', '/health/serving')).status).toBe(503);
    expect((await node.client.call('GET', '/health/live')).status).toBe(200);
    const { status, headers } = await node.client.me(token);
    expect([status, headers.get('connection')]).toEqual([200, 'close']);
    expect(await exited).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  it('answers every accepted request (FLT-04)', async () => {
    const node = await startNode(await createDatabase(), {
      ARGON2_PASSES: '40',
      HASH_QUEUE_MILLISECONDS: '60000',
    });
    const logins = Array.from({ length: 3 }, (_, turn) => node.client.register(`${turn}@example.com`));
    await pause(50);
    const exited = waitForExit(node);
    node.process.kill('SIGTERM');
    expect((await Promise.all(logins)).map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(await exited).toBe(0);
  });

  it('exits at once without connections', async () => {
    const node = await startNode(await createDatabase());
    const startedAt = performance.now();
    const exited = waitForExit(node);
    node.process.kill('SIGTERM');
    expect(await exited).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  it('closes connections that stay open longer than SHUTDOWN_TIMEOUT_SECONDS, and exits with 0', async () => {
    const node = await startNode(await createDatabase(), { SHUTDOWN_TIMEOUT_SECONDS: '5' });
    const { hostname, port } = new URL(node.client.url);
    const socket = connect(Number(port), hostname).on('error', () => undefined);
    socket.write(
      'POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    );
    await once(socket, 'connect');
    const startedAt = performance.now();
    const exited = waitForExit(node);
    node.process.kill('SIGTERM');
    expect(await exited).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });
});

describe('two nodes behind a proxy', () => {
  it('lose no request when they are restarted in turn (FLT-04, FLT-12)', { timeout: 180_000 }, () =>
    restartInTurn((nodes) => LoadBalancer.start(nodes)),
  );
});
