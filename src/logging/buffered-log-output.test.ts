import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { BufferedLogOutput } from './buffered-log-output.js';

/** More than a pipe holds. */
const MANY = 20_000;
const lines = (count: number): string[] => Array.from({ length: count }, (_, index) => `line ${index}\n`);

describe('a log sink', () => {
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

  /** What is there now. */
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

  it('loses no line and no order when it is read late', async () => {
    const sink = new BufferedLogOutput(writing);
    for (const line of lines(MANY)) sink.write(line);
    expect(await readUntil(`line ${MANY - 1}\n`)).toBe(lines(MANY).join(''));
  });

  it('drops what is over its bound, and says how much', async () => {
    const sink = new BufferedLogOutput(writing, 100_000);
    for (const line of lines(MANY)) sink.write(line);
    const kept = (await readUntil('}\n')).split('\n').slice(0, -1);
    const notice = JSON.parse(kept.pop() ?? '') as object;
    expect(kept).toEqual(lines(kept.length).map((line) => line.trim()));
    expect(notice).toMatchObject({ event: 'log_lines_lost', lost: MANY - kept.length });
    sink.write('after\n');
    expect(await readUntil('after\n')).toBe('after\n');
  });

  it('goes on when it is there again', async () => {
    const sink = new BufferedLogOutput(writing);
    closeSync(reading);
    sink.write('while nobody was there\n');
    // Long enough for a try that fails.
    await new Promise((resolve) => setTimeout(resolve, 100));
    reading = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    expect(await readUntil('there\n')).toBe('while nobody was there\n');
  });

  it('takes what waits at the end, and does not hold up a process for more', () => {
    const sink = new BufferedLogOutput(writing);
    for (const line of lines(MANY)) sink.write(line);
    const startedAt = performance.now();
    sink.flush();
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(read()).toMatch(/line/);
  });
});
