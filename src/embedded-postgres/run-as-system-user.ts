import { execFile } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { onceAborted } from '../config/abort-signals.js';
import type { SystemUser } from './system-user.js';

/**
 * Options of child processes. They inherit no environment: it contains secrets, and a locale
 * that would translate messages.
 */
export function processOptions(user: SystemUser | undefined) {
  const env = { LC_ALL: 'C', TZ: 'UTC' };
  return user === undefined ? { cwd: '/', env } : { cwd: '/', env, uid: user.uid, gid: user.gid };
}

/** Runs a program to its end, or until `signal` aborts. @throws {Error} with the program's output. */
export function runAsSystemUser(
  user: SystemUser | undefined,
  program: string,
  args: readonly string[],
  { input = '', signal }: { input?: string; signal?: AbortSignal | undefined } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, processOptions(user), (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(stderr.trim() || stdout.trim() || error.message, { cause: error }));
    });
    // Not with `execFile`'s own option, which would not wait for the end of the process.
    if (signal !== undefined) onceAborted(signal, () => child.kill());
    // The program may end before it has read its input: the exit code counts, not the broken pipe.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** Prints the first folder that it cannot enter. */
const ENTER_EACH_FOLDER = 'for folder; do cd "$folder" 2>/dev/null || { echo "$folder"; exit 0; }; done';

/** @throws {Error} naming the first folder above one of the paths that the server's user may not enter. */
export async function requireFolderAccess(user: SystemUser | undefined, paths: readonly string[]): Promise<void> {
  if (user === undefined) return;
  const folders = await Promise.all(paths.map(async (path) => ancestors(await realpath(path))));
  const forbidden = (await runAsSystemUser(user, '/bin/sh', ['-c', ENTER_EACH_FOLDER, 'sh', ...folders.flat()])).trim();
  if (forbidden === '') return;
  throw new Error(
    `PostgreSQL refuses to run as root, so it runs as ${user.name}, which may not enter ${forbidden}. ` +
      `Allow it (chmod o+x ${forbidden}), move the project or DATA_DIR to a folder open to others, ` +
      'start Gatehouse as an ordinary user, or set DATABASE_URL.',
  );
}

function ancestors(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [] : [...ancestors(parent), parent];
}
