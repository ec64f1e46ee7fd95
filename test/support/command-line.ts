import { execFile, type ExecFileOptions } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished } from 'vitest';

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Place {
  /** The package that has the command. */
  readonly folder?: string;
  readonly cwd?: string;
}

/** What every command is given besides its settings. */
export const SURROUNDINGS = { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] };

/** `gatehouse` with these settings alone. */
export async function gatehouse(
  args: readonly string[],
  env: Record<string, string>,
  place: Place = {},
): Promise<Result> {
  const { folder = process.cwd(), cwd = '.' } = place;
  const program = join(folder, 'dist/cli/gatehouse.js');
  return resultOf(process.execPath, [program, ...args], { cwd, env: { ...SURROUNDINGS, ...env } });
}

export async function resultOf(program: string, args: readonly string[], options: ExecFileOptions): Promise<Result> {
  return new Promise((resolveResult) => {
    execFile(program, args, { ...options, encoding: 'utf8' }, (error, stdout, stderr) =>
      resolveResult({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-command-line-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const words = (line: string): string[] => (line === '' ? [] : line.split(' '));

/** A failure is one line about what to do: no stack trace, no code of Prisma's or PostgreSQL's, no password. */
export function expectFailure(line: string, { code, stderr }: Result, reason: RegExp): void {
  expect(stderr, line).toMatch(reason);
  expect(stderr, line).toMatch(/^[^\n]+\n$/);
  expect(stderr, line).not.toMatch(/\bP\d{4}\b|\b22P02\b|^ *at |[Ii]nvocation|Error:|hidden/m);
  expect(code, line).toBe(1);
}

/** What the image and the npm package hold: the built files, and the packages for production. */
export function withoutSources(folder: string): void {
  mkdirSync(folder, { recursive: true });
  cpSync('package.json', join(folder, 'package.json'));
  cpSync('dist', join(folder, 'dist'), { recursive: true });
  cpSync('prisma', join(folder, 'prisma'), { recursive: true, filter: (file) => !file.endsWith('.ts') });
}

export function linkProductionPackages(folder: string): void {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { dev?: true; devDependencies?: Record<string, string> }>;
  };
  const forDevelopment = new Set(Object.keys(packages['']?.devDependencies ?? {}));
  for (const [path, { dev }] of Object.entries(packages)) {
    if (
      !/^node_modules\/(?:@[^/]+\/)?[^/]+$/.test(path) ||
      dev ||
      forDevelopment.has(path.slice('node_modules/'.length))
    )
      continue;
    if (!existsSync(path)) continue;
    mkdirSync(join(folder, path, '..'), { recursive: true });
    symlinkSync(resolve(path), join(folder, path));
  }
}
