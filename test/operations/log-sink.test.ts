import { execFileSync, spawn, spawnSync, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
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
  changes: Record<string, string> = {},
): Promise<{ client: Client; process: ChildProcess }> {
  const port = await freePort();
  const stdio: StdioOptions = ['ignore', stdout, 'ignore'];
  const env = { ...process.env, PORT: String(port), DATABASE_URL: databaseUrl, MASTER_SECRET, RATE_LIMITS: 'off' };
  Object.assign(env, changes);
  const child = spawn(process.execPath, ['dist/main.js'], { env, stdio });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { client: new Client(`http://127.0.0.1:${port}`), process: child };
}

async function untilReady(client: Client): Promise<void> {
  const isReady = () =>
    client.call('GET', '/health/ready').then(
      ({ status }) => status === 200,
      () => false,
    );
  await expect.poll(isReady, { timeout: 30_000 }).toBe(true);
}

/** Sends guarded requests, a hundred at a time. */
async function sendRequests(client: Client, count: number): Promise<void> {
  const { token } = await client.signIn();
  for (let sent = 0; sent < count; sent += 100) {
    const answers = await Promise.all(Array.from({ length: 100 }, () => client.me(token)));
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  }
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

interface LogLine {
  readonly pid: number;
  readonly msg: string;
  readonly route?: string;
}

const parsed = (text: string): LogLine[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogLine);

const guardedLines = (lines: readonly LogLine[]): LogLine[] => lines.filter(({ route }) => route === '/v1/auth/me');

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
        await untilReady(client);
        await sendRequests(client, REQUESTS);
        child.kill('SIGTERM');
        expect(await once(child, 'exit')).toEqual([0, null]);
      }),
    );
  },
);

it('an orderly end loses no line', { timeout: 60_000 }, async () => {
  const file = join(temporaryFolder(), 'log');
  const { client, process: child } = await startNode(openSync(file, 'w'), await createDatabase());
  await untilReady(client);
  await sendRequests(client, 1000);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  const lines = parsed(readFileSync(file, 'utf8'));
  expect(guardedLines(lines)).toHaveLength(1000);
  expect(lines.at(-1)).toMatchObject({ msg: 'left' });
});

it.runIf(process.platform === 'linux')(
  'two workers cut no line of each other in a pipe that is read slowly',
  { timeout: 60_000 },
  async () => {
    const pipe = join(temporaryFolder(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    const reading = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    onTestFinished(() => closeSync(reading));
    const { client, process: child } = await startNode(openSync(pipe, 'w'), await createDatabase(), { WORKERS: '2' });
    let text = '';
    let bytesPerRead = 65_536;
    const buffer = Buffer.alloc(bytesPerRead);
    const stop = new AbortController();
    const reader = (async () => {
      while (!stop.signal.aborted) {
        try {
          text += buffer.toString('latin1', 0, readSync(reading, buffer, 0, bytesPerRead, null));
        } catch {
          // Nothing to read.
        }
        await pause(2);
      }
    })();
    await untilReady(client);
    bytesPerRead = 100;
    await sendRequests(client, 10 * REQUESTS);
    bytesPerRead = 65_536;
    await expect.poll(() => guardedLines(parsed(text)).length, { timeout: 20_000 }).toBe(10 * REQUESTS);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    await expect.poll(() => text.endsWith('}\n') && parsed(text).at(-1)?.msg, { timeout: 5000 }).toBe('left');
    stop.abort();
    await reader;
    expect(new Set(guardedLines(parsed(text)).map(({ pid }) => pid)).size).toBe(2);
  },
);

it.each([
  ['process.exit(3)', 3],
  ["throw new Error('fatal')", 1],
  ["void Promise.reject(new Error('fatal'))", 1],
  ['0', 0],
])('a process that ends by %s loses no line of its log', (end, code) => {
  const file = join(temporaryFolder(), 'log');
  const program = `
    import { standardOutputLog } from './dist/logging/buffered-log-output.js';
    const log = standardOutputLog();
    for (let line = 0; line < 1000; line++) log[line % 100 === 0 ? 'write' : 'writeSoon'](line + '\\n');
    ${end};`;
  const { status } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', openSync(file, 'w'), 'ignore'],
  });
  const written = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  // A line whose write was under way may come after the last ones.
  expect(written.map(Number).toSorted((one, other) => one - other)).toEqual(
    Array.from({ length: 1000 }, (_, line) => line),
  );
  expect(status).toBe(code);
});
