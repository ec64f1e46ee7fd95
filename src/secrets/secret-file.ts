import { randomBytes } from 'node:crypto';
import { readLineFile, removeStaleDrafts, writeFileOnce } from './write-once-file.js';

const BYTES = 32;
const SHAPE = /^[\w-]{43}$/;

/**
 * The secret kept in the file: 32 random bytes in base64url, made by the first call and readable by its owner alone.
 * Processes that start at once get the same one, and a crash leaves a whole file or none.
 */
export async function readOrCreateSecret(file: string): Promise<string> {
  const kept = await readValidSecret(file);
  if (kept !== undefined) return kept;
  await writeFileOnce(file, randomBytes(BYTES).toString('base64url'));
  return readOrCreateSecret(file);
}

/**
 * The secret kept in the file, where data exist that a new one would not open.
 * @throws {Error} naming the file when it is missing or damaged; `purpose` says what it is for.
 */
export async function readSecret(file: string, purpose: string): Promise<string> {
  const kept = await readValidSecret(file);
  if (kept === undefined) throw new Error(`${file} is missing: restore it from a backup, ${purpose}`);
  return kept;
}

async function readValidSecret(file: string): Promise<string | undefined> {
  await removeStaleDrafts(file);
  const secret = await readLineFile(file);
  if (secret !== undefined && !SHAPE.test(secret)) {
    throw new Error(`${file} is damaged: restore it from a backup, its data cannot be used without it`);
  }
  return secret;
}
