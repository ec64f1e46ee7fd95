import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { expect, onTestFinished } from 'vitest';

export interface Run {
  /** The exit code. */
  readonly ended: Promise<number | null>;
  readonly output: () => string;
  /** Ends it and what it has started. */
  readonly terminate: () => void;
}

/** Runs a command as a shell does: without the folders that npm added to the path of this test run. */
export function run(
  cwd: string,
  program: string,
  args: readonly string[],
  environment: Record<string, string> = {},
): Run {
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((each) => !each.includes('node_modules'));
  const child = spawn(program, args, {
    cwd,
    detached: true,
    env: { HOME: process.env['HOME'], PATH: path.join(delimiter), ...environment },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  }
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const terminate = (): void => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
      process.kill(-child.pid, 'SIGTERM');
  };
  onTestFinished(async () => {
    terminate();
    await ended;
  });
  return { ended, output: () => output, terminate };
}

/** A folder that every system user can read, as that of the database server must. */
export function newFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `gatehouse-${name}-`));
  execFileSync('chmod', ['755', folder]);
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Packs a copy of this checkout: `npm pack` changes package.json for a moment. @returns the path of the file */
export async function packTarball(destination: string): Promise<string> {
  const folder = newFolder('checkout');
  const files = ['package.json', 'package-lock.json', 'tsconfig.json', 'README.md', 'LICENSE', '.config'];
  // With the times of the files: the build compares them.
  execFileSync('cp', ['-a', ...files, 'prisma', 'src', 'dist', folder]);
  mkdirSync(join(folder, 'node_modules'));
  for (const name of readdirSync('node_modules')) {
    symlinkSync(resolve('node_modules', name), join(folder, 'node_modules', name));
  }
  const packed = run(folder, 'npm', ['pack', '--pack-destination', destination]);
  expect(await packed.ended, packed.output()).toBe(0);
  const file = readdirSync(destination).find((name) => /^gatehouse-auth-[\d.]+\.tgz$/.test(name));
  return join(destination, String(file));
}
