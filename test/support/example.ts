import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, vi } from 'vitest';
import { Client } from './client.js';
import { newFolder, run, type Run } from './npm.js';
import { PrintedBlocks } from './printed-blocks.js';

const URL_OF_THE_DOCUMENTS = 'http://127.0.0.1:3000';
const printed = new PrintedBlocks('docs/building-on-it.md', 'An application of your own', (text) => text);

/** The application that `docs/building-on-it.md` prints: its files, commands and requests. */
export class Example {
  readonly folder = newFolder('example');
  readonly files = printed.files();

  constructor(private readonly environment: Readonly<Record<string, string>> = {}) {
    for (const [name, text] of this.files) {
      mkdirSync(dirname(join(this.folder, name)), { recursive: true });
      writeFileSync(join(this.folder, name), text);
    }
  }

  /** The commands of the block that contains the text. */
  commands(containing: string): string[] {
    return printed.take('sh', containing).trim().split('\n');
  }

  command(containing: string): string {
    return this.commands(containing)[0] ?? '';
  }

  start(command: string, environment: Readonly<Record<string, string>> = {}): Run {
    return run(this.folder, 'sh', ['-c', command], { ...this.environment, ...environment });
  }

  /** @returns what the command writes */
  async succeed(command: string, environment: Readonly<Record<string, string>> = {}): Promise<string> {
    const { ended, output } = this.start(command, environment);
    expect([command, await ended], output()).toEqual([command, 0]);
    return output();
  }

  /** Runs a command that serves, until it listens. */
  async serve(command: string): Promise<{ client: Client; program: Run }> {
    const program = this.start(command, { PORT: '0' });
    const address = (): string => /http:\/\/127\.0\.0\.1:\d+/.exec(program.output())?.[0] ?? '';
    await vi.waitFor(() => expect(address(), program.output()).not.toBe(''), { timeout: 300_000 });
    return { client: new Client(address()), program };
  }

  /** Sends the printed requests, and expects answers of the printed shape. */
  async expectPrintedAnswers(url: string): Promise<void> {
    const script = printed.takeAll('sh', URL_OF_THE_DOCUMENTS).join('\necho\n').replaceAll(URL_OF_THE_DOCUMENTS, url);
    const { stdout } = await promisify(execFile)('bash', ['-euc', script]);
    const answers = stdout.split('\n').filter((line) => line !== '');
    expect(answers.map(shapeOf)).toEqual(printed.takeAll('json', '{').map(shapeOf));
  }

  /** The files whose text is no longer the printed one. */
  changedFiles(): string[] {
    return [...this.files]
      .filter(([name, text]) => readFileSync(join(this.folder, name), 'utf8') !== text)
      .map(([name]) => name);
  }

  /** What the page prints and nobody has run. */
  untaken(): string[] {
    return printed.untaken();
  }
}

/** Names of members and kinds of values. */
function shapeOf(json: string): unknown {
  return JSON.parse(json, (_name, value: unknown) => (value instanceof Object ? value : typeof value)) as unknown;
}
