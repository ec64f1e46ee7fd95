import { randomBytes } from 'node:crypto';
import { readLine, removeDrafts, writeOnce } from './write-once-file.js';

const BYTES = 32;
const SHAPE = /^[\w-]{43}$/;

/**
 * The secret kept in the file: 32 random bytes in base64url, made by the first call and readable by its owner alone.
 * Processes that start at once get the same one, and a crash leaves a whole file or none.
 */
export async function localSecret(file: string): Promise<string> {
  const kept = await readSecret(file);
  if (kept !== undefined) return kept;
  await writeOnce(file, randomBytes(BYTES).toString('base64url'));
  return localSecret(file);
}

/**
 * The secret kept in the file, where data exist that a new one would not open.
 * @throws {Error} naming the file when it is missing or damaged; `purpose` says what it is for.
 */
export async function keptSecret(file: string, purpose: string): Promise<string> {
  const kept = await readSecret(file);
  if (kept === undefined) throw new Error(`${file} is missing: restore it from a backup, ${purpose}`);
  return kept;
}

async function readSecret(file: string): Promise<string | undefined> {
  await removeDrafts(file);
  const secret = await readLine(file);
  if (secret !== undefined && !SHAPE.test(secret)) {
    throw new Error(`${file} is damaged: restore it from a backup, its data cannot be used without it`);
  }
  return secret;
}
