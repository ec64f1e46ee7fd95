import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { createDatabase } from '../support/app.js';
import { Client } from '../support/client.js';
import { freePort, MASTER_SECRET } from '../support/processes.js';

/** More log lines than fit into a pipe. */
const REQUESTS = 600;

/** Starts a node with this standard output; killed at the end of the test. */
async function startNode(
  stdout: 'pipe' | number,
  databaseUrl: string,
): Promise<{ client: Client; process: ChildProcess }> {
  const port = await freePort();
  const stdio: StdioOptions = ['ignore', stdout, 'ignore'];
  const env = { ...process.env, PORT: String(port), DATABASE_URL: databaseUrl, MASTER_SECRET, RATE_LIMITS: 'off' };
  const child = spawn(process.execPath, ['dist/main.js'], { env, stdio });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { client: new Client(`http://127.0.0.1:${port}`), process: child };
}

it.runIf(process.platform === 'linux')(
  'a log output that is closed, full or not read fails no request and no shutdown (FLT-20)',
  { timeout: 60_000 },
  async () => {
    const databaseUrl = await createDatabase();
    const nodes = await Promise.all(
      [() => 'pipe' as const, () => openSync('/dev/full', 'w'), () => 'pipe' as const].map((stdout) =>
        startNode(stdout(), databaseUrl),
      ),
    );
    nodes[0]?.process.stdout?.destroy();
    await Promise.all(
      nodes.map(async ({ client, process: child }) => {
        const isReady = () =>
          client.call('GET', '/health/ready').then(
            ({ status }) => status === 200,
            () => false,
          );
        await expect.poll(isReady, { timeout: 30_000 }).toBe(true);
        const { token } = await client.signIn();
        for (let sent = 0; sent < REQUESTS; sent += 100) {
          const answers = await Promise.all(Array.from({ length: 100 }, () => client.me(token)));
          expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
        }
        child.kill('SIGTERM');
        expect(await once(child, 'exit')).toEqual([0, null]);
      }),
    );
  },
);
