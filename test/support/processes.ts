import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, onTestFinished, vi } from 'vitest';
import { Client } from './client.js';
import { expectNoSecret, registerSecret } from './secret-detection.js';

export const MASTER_SECRET = 'kX3v0q9ZsM1tB7yR5uW2eA8nC4hJ6gLd';
export type Environment = Record<string, string>;

/** On any port, without limits on guessing; hashes wait for a slow machine. */
export const FOR_TESTS = { PORT: '0', RATE_LIMITS: 'off', HASH_QUEUE_MILLISECONDS: '60000' };

export interface Program {
  readonly process: ChildProcess;
  /** Its stdout and stderr so far. */
  readonly output: () => string;
}

/**
 * Runs `node dist/main.js`, as `npm start` does after the build, without rate limits by default. It is ended at the end
 * of the test (or of the file, if called outside of a test). `folder` selects another version.
 */
export function startMain(
  environment: Environment,
  onFinished: (clean: () => Promise<void>) => void = onTestFinished,
  folder = '.',
): Program {
  const { DATABASE_URL: _, ...inherited } = process.env;
  const child = spawn(process.execPath, ['dist/main.js'], {
    cwd: folder,
    env: { ...inherited, ...FOR_TESTS, ...environment },
  });
  registerSecret(environment['MASTER_SECRET']);
  registerSecret(environment['JWT_SECRET']);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  }
  onFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'close');
    }
    expectNoSecret(output);
  });
  return { process: child, output: () => output };
}

/** Resolves with the exit code once all output has arrived. */
export async function waitForExit(program: Program): Promise<number | null> {
  const [code] = (await once(program.process, 'close')) as [number | null];
  return code;
}

/** Resolves with the URL once the program serves. */
export async function waitForUrl(program: Program, timeout = 30_000): Promise<string> {
  // A warning about ISSUER names URLs, too.
  const address = (): string | undefined => /(?<= at )http:\/\/127\.0\.0\.1:\d+/.exec(program.output())?.[0];
  // expect.poll is not available outside of a test.
  await vi.waitFor(() => expect(address()).toBeDefined(), { timeout });
  return address() ?? '';
}

/**
 * A port for a process whose address must be known in advance. It is below the ephemeral range, so that no connection
 * and no server on port 0 takes it before it is used.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(12_000 * Math.random());
    const server = createServer();
    try {
      await once(server.listen(port, '127.0.0.1'), 'listening');
    } catch {
      continue;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}

export interface Node extends Program {
  readonly client: Client;
}

/** Starts a node as a process on a database of the test; resolves once it serves, with a client for it. */
export async function startNode(
  databaseUrl: string,
  environment: Environment = {},
  onFinished?: (clean: () => Promise<void>) => void,
  folder?: string,
): Promise<Node> {
  const settings = { DATABASE_URL: databaseUrl, MASTER_SECRET, LOG_LEVEL: 'info', ...environment };
  const program = startMain(settings, onFinished, folder);
  return { ...program, client: new Client(await waitForUrl(program)) };
}
