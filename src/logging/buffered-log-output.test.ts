import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, open, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { BufferedLogOutput } from './buffered-log-output.js';

/** More lines than a pipe holds. */
const MANY = 20_000;
/** As many as libuv has, or more. */
const POOL_THREADS = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4);
const lines = (count: number): string[] => Array.from({ length: count }, (_, index) => `line ${index}\n`);

describe('the buffered log output', () => {
  let pipe: string;
  let reading: number;
  let writing: number;
  beforeEach(() => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-log-'));
    pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    reading = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    writing = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
    onTestFinished(() => {
      closeSync(writing);
      closeSync(reading);
      rmSync(folder, { recursive: true });
    });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  /** What the pipe holds now. */
  function read(): string {
    const buffer = Buffer.alloc(1_000_000);
    try {
      return buffer.toString('utf8', 0, readSync(reading, buffer));
    } catch {
      return '';
    }
  }

  /** Everything up to this text. */
  async function readUntil(end: string): Promise<string> {
    let text = '';
    await expect.poll(() => (text += read()).endsWith(end), { interval: 1, timeout: 10_000 }).toBe(true);
    return text;
  }

  it('keeps all lines in order when it is read late', async () => {
    const output = new BufferedLogOutput({ fd: writing, isNonBlocking: () => true });
    for (const line of lines(MANY)) output.write(line);
    expect(await readUntil(`line ${MANY - 1}\n`)).toBe(lines(MANY).join(''));
  });

  /** Blocks every thread of libuv's pool, as a queue of signatures does for a while. @returns what ends that */
  function blockPool(): () => void {
    const blocking = `${pipe}-without-writer`;
    execFileSync('mkfifo', [blocking]);
    for (let thread = 0; thread < POOL_THREADS; thread++) open(blocking, 'r', (_, fd) => closeSync(fd));
    return () => closeSync(openSync(blocking, constants.O_RDWR));
  }

  it('writes to a pipe while every thread of the pool is busy', async () => {
    onTestFinished(blockPool());
    const output = new BufferedLogOutput({ fd: writing, isNonBlocking: () => true });
    for (const line of lines(MANY)) output.writeSoon(line);
    expect(await readUntil(`line ${MANY - 1}\n`)).toBe(lines(MANY).join(''));
  });

  it('writes to a file on the pool, however long that takes', async () => {
    const unblock = blockPool();
    const file = `${pipe}-file`;
    const fd = openSync(file, 'w');
    onTestFinished(() => closeSync(fd));
    const output = new BufferedLogOutput({ fd, isNonBlocking: () => false });
    for (const line of lines(MANY)) output.write(line);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(readFileSync(file, 'utf8')).toBe('');
    unblock();
    await expect.poll(() => readFileSync(file, 'utf8'), { interval: 1 }).toBe(lines(MANY).join(''));
  });

  it('holds up the event loop for about 64 KB, also where there is always room', async () => {
    const file = `${pipe}-file`;
    const fd = openSync(file, 'w');
    onTestFinished(() => closeSync(fd));
    const output = new BufferedLogOutput({ fd, isNonBlocking: () => true });
    for (const line of lines(MANY)) output.writeSoon(line);
    output.write('last\n');
    expect(readFileSync(file).length).toBeGreaterThan(60_000);
    expect(readFileSync(file).length).toBeLessThan(70_000);
    await expect.poll(() => readFileSync(file, 'utf8'), { interval: 1 }).toBe(`${lines(MANY).join('')}last\n`);
  });

  it('drops lines over its limit, and logs how many', async () => {
    const output = new BufferedLogOutput({ fd: writing, isNonBlocking: () => true }, 100_000);
    for (const line of lines(MANY)) output.write(line);
    const kept = (await readUntil('}\n')).split('\n').slice(0, -1);
    const notice = JSON.parse(kept.pop() ?? '') as object;
    expect(kept).toEqual(lines(kept.length).map((line) => line.trim()));
    expect(notice).toMatchObject({ pid: process.pid, event: 'log_lines_lost', lost: MANY - kept.length });
    output.write('after\n');
    expect(await readUntil('after\n')).toBe('after\n');
  });

  it('continues when there is a reader again', async () => {
    const output = new BufferedLogOutput({ fd: writing, isNonBlocking: () => true });
    closeSync(reading);
    output.write('while nobody reads\n');
    // Long enough for one failed write.
    await new Promise((resolve) => setTimeout(resolve, 100));
    reading = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    expect(await readUntil('reads\n')).toBe('while nobody reads\n');
  });

  it('writes gathered lines together within milliseconds', async () => {
    const output = new BufferedLogOutput({ fd: writing, isNonBlocking: () => true });
    for (const line of lines(10)) output.writeSoon(line);
    await new Promise((resolve) => setImmediate(resolve));
    expect(read()).toBe('');
    expect(await readUntil('line 9\n')).toBe(lines(10).join(''));
  });

  it('writes a line at once, after the gathered ones', async () => {
    // The time of gathering never ends.
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    const output = new BufferedLogOutput({ fd: writing, isNonBlocking: () => true });
    output.writeSoon('gathered\n');
    output.write('at once\n');
    output.writeSoon('while writing\n');
    output.write('the same\n');
    let text = '';
    const until = performance.now() + 5000;
    // `expect.poll` would advance the time.
    while (!text.endsWith('the same\n') && performance.now() < until) {
      text += read();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(text).toBe('gathered\nat once\nwhile writing\nthe same\n');
  });

  it('says that a line was too long while it wrote another', async () => {
    const output = new BufferedLogOutput({ fd: writing, isNonBlocking: () => true }, 10);
    output.write('short\n');
    output.writeSoon('longer than that\n');
    expect(await readUntil('}\n')).toMatch(/^short\n.*"lost":1\}\n$/);
  });

  it('drops gathered lines over its limit, and logs how many', async () => {
    const output = new BufferedLogOutput({ fd: writing, isNonBlocking: () => true }, 100);
    for (const line of lines(100)) output.writeSoon(line);
    const kept = (await readUntil('}\n')).split('\n').slice(0, -1);
    expect(JSON.parse(kept.pop() ?? '')).toMatchObject({ event: 'log_lines_lost', lost: 100 - kept.length });
  });

  it('writes gathered lines at the end of the process', () => {
    const output = new BufferedLogOutput({ fd: writing, isNonBlocking: () => true });
    for (const line of lines(10)) output.writeSoon(line);
    output.flush();
    expect(read()).toBe(lines(10).join(''));
  });

  it('cuts no line where another process writes to the same pipe', async () => {
    const outputs = ['a', 'b'].map((name) => ({
      name,
      output: new BufferedLogOutput({ fd: writing, isNonBlocking: () => true }),
    }));
    for (let line = 0; line < MANY; line++) {
      for (const { name, output } of outputs) output.writeSoon(`${name.repeat(1 + (line % 300))}\n`);
    }
    for (const { output } of outputs) output.writeSoon('end\n');
    let text = '';
    await expect
      .poll(() => (text += read()).split('end\n').length, { interval: 1, timeout: 10_000 })
      .toBe(outputs.length + 1);
    const written = text.split('\n').filter((line) => line !== '' && line !== 'end');
    expect(written.filter((line) => !/^(a+|b+)$/.test(line))).toEqual([]);
    expect(written).toHaveLength(2 * MANY);
  });

  it('flushes at the end without holding up the process', () => {
    const output = new BufferedLogOutput({ fd: writing, isNonBlocking: () => true });
    for (const line of lines(MANY)) output.write(line);
    const startedAt = performance.now();
    output.flush();
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(read()).toMatch(/line/);
  });
});
