import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createDatabase } from '../support/app.js';
import { Client } from '../support/client.js';
import { MASTER_SECRET, waitForExit, waitForUrl, type Program } from '../support/processes.js';
import { linesOf } from '../support/workers.js';

/** Longest waits for processes to start. */
const STARTING = { timeout: 120_000 };

/** A program with event streams and a job, compiled: Node runs no decorators. */
const PROGRAM = `
import { Controller, Module, Sse } from '@nestjs/common';
import { concat, fromEvent, NEVER, of, takeUntil } from 'rxjs';
import { BackgroundJobs, Ended, serve } from '${resolve('dist/index.js')}';

class StreamsController {
  events(ended) {
    return concat(of({ data: String(process.pid) }), NEVER).pipe(takeUntil(fromEvent(ended, 'abort')));
  }
}
Sse('events')(StreamsController.prototype, 'events', Object.getOwnPropertyDescriptor(StreamsController.prototype, 'events'));
Ended()(StreamsController.prototype, 'events', 0);
Controller('v1/streams')(StreamsController);
class Counting {
  constructor(jobs) {
    jobs.every(1, 'alone', () => process.stdout.write('alone ' + process.pid + '\\n'), { alone: true });
    jobs.every(1, 'everywhere', () => process.stdout.write('everywhere ' + process.pid + '\\n'));
  }
}
Reflect.defineMetadata('design:paramtypes', [BackgroundJobs], Counting);
class StreamsModule {}
Module({ controllers: [StreamsController], providers: [Counting] })(StreamsModule);
await serve({ features: [StreamsModule] });
`;

async function startProgram(): Promise<Program> {
  mkdirSync('test/.programs', { recursive: true });
  const folder = mkdtempSync('test/.programs/streams-');
  writeFileSync(`${folder}/main.mjs`, PROGRAM);
  const { DATABASE_URL: _, ...inherited } = process.env;
  const settings = { PORT: '0', MASTER_SECRET, WORKERS: '2', DATABASE_CONNECTION_TIMEOUT_MS: '20000' };
  const child = spawn(process.execPath, [`${folder}/main.mjs`], {
    env: { ...inherited, ...settings, DATABASE_URL: await createDatabase() },
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk) => (output += chunk));
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
      await once(child, 'close');
    }
    rmSync(folder, { recursive: true });
  });
  return { process: child, output: () => output };
}

/** The process that serves a new stream, and when the stream is over. */
async function openStream(url: string, token: string): Promise<{ pid: string; closed: Promise<number> }> {
  const headers = { authorization: `Bearer ${token}` };
  const client = request(`${url}/v1/streams/events`, { headers, agent: false }).on('error', () => undefined);
  onTestFinished(() => void client.destroy());
  client.end();
  const [response] = (await once(client, 'response')) as [IncomingMessage];
  let text = '';
  response.setEncoding('utf8').on('error', () => undefined);
  response.on('data', (chunk: string) => (text += chunk));
  const closed = new Promise<number>((finish) => response.once('close', () => finish(performance.now())));
  await expect.poll(() => /data: (\d+)\n\n/.exec(text)?.[1]).toBeDefined();
  return { pid: /data: (\d+)/.exec(text)?.[1] ?? '', closed };
}

it(
  'event streams of two workers end within a second of a logout and hold up no SIGTERM; a job alone runs in one of them',
  { timeout: 300_000 },
  async () => {
    const program = await startProgram();
    const url = await waitForUrl(program, STARTING.timeout);
    await expect.poll(() => linesOf(program, 'Server listening').length, STARTING).toBe(2);
    const client = new Client(url);
    const [leaving, staying] = [await client.signIn(), await client.signIn()];
    const streams = await Promise.all(Array.from({ length: 20 }, () => openStream(url, leaving.token)));
    const others = await Promise.all(Array.from({ length: 20 }, () => openStream(url, staying.token)));

    const pidsOf = (job: string): Set<string> =>
      new Set(linesOf(program, `${job} `).filter((line) => line.startsWith(job)));
    await expect.poll(() => pidsOf('everywhere').size, { timeout: 20_000 }).toBe(2);
    await expect.poll(() => linesOf(program, 'alone ').length, { timeout: 20_000 }).toBeGreaterThan(2);
    expect(pidsOf('alone').size).toBe(1);

    expect((await client.logout(leaving.token)).status).toBe(204);
    const loggedOutAt = performance.now();
    const ends = await Promise.all(streams.map(({ closed }) => closed));
    expect(Math.max(...ends) - loggedOutAt).toBeLessThan(1000);

    const exit = waitForExit(program);
    const stoppedAt = performance.now();
    program.process.kill('SIGTERM');
    const last = await Promise.all(others.map(({ closed }) => closed));
    expect(Math.max(...last) - stoppedAt).toBeLessThan(1000);
    expect(Math.min(...last)).toBeGreaterThan(stoppedAt);
    expect(await exit).toBe(0);
    expect(performance.now() - stoppedAt).toBeLessThan(8000);
  },
);
