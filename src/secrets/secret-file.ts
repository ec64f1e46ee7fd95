import { randomBytes } from 'node:crypto';
import { readLineFile, removeStaleDrafts, writeFileOnce } from './write-once-file.js';

const BYTES = 32;
const SHAPE = /^[\w-]{43}$/;

/**
 * The secret in the file: 32 random bytes in base64url, created by the first call and readable only by the file's
 * owner. Processes that start at the same time get the same secret, and a crash leaves a complete file or none.
 */
export async function readOrCreateSecret(file: string): Promise<string> {
  const kept = await readValidSecret(file);
  if (kept !== undefined) return kept;
  await writeFileOnce(file, randomBytes(BYTES).toString('base64url'));
  return readOrCreateSecret(file);
}

/**
 * The secret in the file, for data that a new secret could not decrypt.
 * @param purpose what the secret is for, as the end of the message
 * @throws {Error} naming the file when it is missing or damaged
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
