import { randomBytes } from 'node:crypto';
import { link, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

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

async function readSecret(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Error(`${file} cannot be read by this user (${error.code ?? error.message})`, { cause: error });
  });
  const secret = text?.trimEnd();
  if (secret !== undefined && !SHAPE.test(secret)) {
    throw new Error(`${file} is damaged: restore it from a backup, its data cannot be used without it`);
  }
  return secret;
}

/** A link never replaces a file: of several writers the first wins, and readers never see half a secret. */
async function writeOnce(file: string, secret: string): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await writeDurably(draft, secret);
    await link(draft, file);
    await syncFolder(dirname(file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function writeDurably(file: string, text: string): Promise<void> {
  await using handle = await open(file, 'wx', 0o600);
  await handle.writeFile(`${text}\n`);
  await handle.sync();
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}
