import { execFileSync, fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Placement } from './load-generator.ts';
import { processTree, residentBytes, threadMilliseconds, type ThreadTimes } from './process-tree.ts';

export type Environment = Readonly<Record<string, string>>;

/** A server whose CPU time can be read. */
export interface MeasuredServer {
  readonly url: string;
  /** Of several processes: which of them accepts a connection. */
  readonly placement?: Placement;
  /** User and system time so far, in microseconds. */
  cpu(): Promise<number>;
  stop(): Promise<void>;
}

/** A server in one process on core 0 that answers the harness's questions (`measured-process.ts`). */
export interface Server extends MeasuredServer {
  /** Bytes of the heap in use after a collection. */
  heap(): Promise<number>;
  /** Number of live revocations in its memory. */
  revocations(): Promise<number>;
  /** Sends any other request that the server's process answers. */
  ask<Answer>(question: string, given?: unknown): Promise<Answer>;
}

/** The product as it is shipped, with all of its processes. Linux only. */
export interface ProductNode extends MeasuredServer {
  /** The first is the process that was started. */
  pids(): number[];
  /** Of all processes; hashing threads are named `hash`. */
  threads(name: string): ThreadTimes;
  /** Of all processes together. */
  residentBytes(): number;
}

const START_SECONDS = 60;

/** Starts a file that calls `serveHarness`, on core 0. @param stdout the file for its log, instead of the terminal */
export async function startProcess(file: string, args: readonly string[], stdout?: string): Promise<Server> {
  const log = openLog(stdout);
  const child = fork(file, args, {
    execArgv: ['--disable-warning=ExperimentalWarning', '--expose-gc'],
    stdio: ['ignore', log.stdio, 'inherit', 'ipc'],
  });
  log.close();
  const exited = once(child, 'exit');
  const url = await answerOf<string>(child, exited);
  pinToCore(child.pid ?? 0, 0);
  const ask = <Answer>(question: string, given?: unknown): Promise<Answer> => {
    const answer = answerOf<Answer>(child, exited);
    child.send({ question, given });
    return answer;
  };
  return {
    url,
    ask,
    cpu: () => ask('cpu'),
    heap: () => ask('heap'),
    revocations: () => ask('revocations'),
    async stop() {
      if (child.connected) child.send({ question: 'stop' });
      await exited;
    },
  };
}

async function answerOf<Answer>(child: ChildProcess, exited: Promise<unknown>): Promise<Answer> {
  const [message] = (await Promise.race([once(child, 'message'), exited])) as [{ answer: Answer } | number | null];
  if (typeof message !== 'object' || message === null) throw new Error('A server ended; its output above says why.');
  return message.answer;
}

/**
 * Starts `dist/main.js` on these cores, as `taskset -c` takes them, and waits until it is ready.
 * @param stdout the file for its log, instead of the terminal
 */
export async function startProductNode(environment: Environment, cores: string, stdout?: string): Promise<ProductNode> {
  const port = await freePort();
  const log = openLog(stdout);
  const child = spawn('taskset', ['-c', cores, process.execPath, 'dist/main.js'], {
    env: { PATH: process.env['PATH'], ...environment, PORT: String(port) },
    stdio: ['ignore', log.stdio, 'inherit'],
  });
  log.close();
  const exited = once(child, 'exit');
  const url = `http://127.0.0.1:${port}`;
  const pids = (): number[] => processTree(child.pid ?? 0);
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
  };
  try {
    await Promise.race([untilReady(url), exited.then(() => Promise.reject(new Error('A node ended.')))]);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    pids,
    stop,
    threads: (name) => threadMilliseconds(pids(), name),
    residentBytes: () => residentBytes(pids()),
    cpu: async () => threadMilliseconds(pids(), '').others * 1000,
  };
}

async function untilReady(url: string): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    const response = await fetch(`${url}/health/ready`).catch(() => undefined);
    if (response?.ok === true) return;
    if (performance.now() - startedAt > START_SECONDS * 1000) throw new Error(`${url} did not become ready`);
    await pause(100);
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function openLog(stdout: string | undefined): { readonly stdio: 'inherit' | number; close(): void } {
  if (stdout === undefined) return { stdio: 'inherit', close: () => undefined };
  const file = openSync(stdout, 'a');
  return { stdio: file, close: () => closeSync(file) };
}

export function pinToCore(pid: number, core: number): void {
  try {
    execFileSync('taskset', ['-a', '-p', '-c', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    console.log(`The process is not pinned to core ${core}: taskset is missing or failed.`);
  }
}
