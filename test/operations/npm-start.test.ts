import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/processes.js';

const PASSWORD = 'correct horse battery';
const started: ChildProcess[] = [];
let folder: string;
let port: number;

/** The program as `npm start` runs it, in a process group of its own; resolves when it answers. */
async function start(): Promise<ChildProcess> {
  const environment = { ...process.env, DATA_DIR: folder, PORT: String(port), LOG_LEVEL: 'warn' };
  const child = spawn('npm', ['start', '--silent'], {
    env: environment,
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  started.push(child);
  await expect
    .poll(() => call('/health/live').catch(() => undefined), { timeout: 30_000, interval: 50 })
    .toEqual({ status: 'ok' });
  return child;
}

async function call(path: string, options: { json?: unknown; token?: string } = {}): Promise<Record<string, unknown>> {
  const { json, token } = options;
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    ...(json === undefined ? {} : { method: 'POST', body: JSON.stringify(json) }),
    headers: {
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  });
  return (await response.json()) as Record<string, unknown>;
}

function signal(child: ChildProcess, name: NodeJS.Signals): Promise<unknown> {
  const gone = once(child, 'exit');
  process.kill(-(child.pid ?? 0), name);
  return gone;
}

/** Its bit in the signal mask of a process. */
const SIGUSR1 = 1n << 9n;

/**
 * The mask of signals that a process handles. With a handler for SIGUSR1, Node opens its inspector
 * to every user of the machine.
 */
function handled(pid: number): bigint {
  const [, mask = ''] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return BigInt(`0x${mask}`);
}

async function runPrinted(text: string): Promise<string> {
  const script = text.replaceAll('127.0.0.1:3000', `127.0.0.1:${port}`);
  const env = { ...process.env, DATA_DIR: folder };
  return (await promisify(execFile)('bash', ['-euc', script], { env })).stdout;
}

/** The section of the README by which a newcomer forgets a password, as printed. */
async function takePrintedWalk(): Promise<void> {
  const [section = ''] = /\n### A forgotten password\n[^]*?(?=\n## )/.exec(readFileSync('README.md', 'utf8')) ?? [];
  const printed = [...section.matchAll(/```sh\n([^]+?)```/g)].map(([, text = '']) => text);
  const [register = '', ask = '', show = '', confirm = ''] = printed;
  expect(printed).toHaveLength(4);
  expect([await runPrinted(register), await runPrinted(ask)]).toEqual(['', '']);
  const [, shown = ''] = /```text\n([^]+?#token=)/.exec(section) ?? [];
  const mail = async (): Promise<string> => runPrinted(show).catch(() => '');
  await expect.poll(mail, { timeout: 15_000, interval: 300 }).toContain(shown.trim());
  expect(JSON.parse(await runPrinted(confirm))).toMatchObject({ token_type: 'Bearer' });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-main-job-'));
  chmodSync(folder, 0o711);
  port = await freePort();
});

afterAll(async () => {
  for (const child of started) if (child.exitCode === null && child.signalCode === null) await signal(child, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

describe('npm start', () => {
  it(
    'alone registers, logs in and guards, survives kill -9 and a restart, and leaves no process running',
    { timeout: 120_000 },
    async () => {
      const first = await start();
      const credentials = { email: 'ada@example.com', password: PASSWORD };
      const user = await call('/v1/auth/register', { json: credentials });
      const { access_token: token } = await call('/v1/auth/login', { json: credentials });
      expect(await call('/v1/auth/me', { token: String(token) })).toMatchObject({
        userId: user['id'],
        email: 'ada@example.com',
      });
      await takePrintedWalk();
      await signal(first, 'SIGKILL');

      const second = await start();
      expect(await call('/v1/users/me', { token: String(token) })).toEqual(user);
      expect(await call('/v1/auth/login', { json: credentials })).toMatchObject({ token_type: 'Bearer' });
      const postmaster = Number(readFileSync(join(folder, 'postgres/postmaster.pid'), 'utf8').split('\n')[0]);
      expect(() => process.kill(postmaster, 0)).not.toThrow();
      const program = Number(execFileSync('pgrep', ['-P', String(second.pid)], { encoding: 'utf8' }));
      expect(handled(program) & SIGUSR1).toBe(0n);
      process.kill(program, 'SIGUSR1');
      expect(await call('/health/live')).toEqual({ status: 'ok' });
      process.kill(second.pid ?? 0, 'SIGTERM');
      const [code] = (await once(second, 'exit')) as [number | null];
      expect(code).toBe(0);
      expect(() => readFileSync(join(folder, 'postgres/postmaster.pid'))).toThrow('ENOENT');
    },
  );
});
