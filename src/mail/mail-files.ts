import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

const KEPT_MS = 24 * 3600 * 1000;
const NAME = /^\d{8}T\d{9}Z[.-][\da-f-]{36}\.eml$/;

/** A mail that was written into a file. */
export interface WrittenMail {
  /** Without `.eml`. */
  readonly name: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export function mailFolderOf(dataDir: string): string {
  return join(dataDir, 'mail');
}

/** Removes files that are older than a day. */
export async function removeOldMail(folder: string): Promise<void> {
  for (const file of await filesIn(folder)) {
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Infinity }));
    if (Date.now() - mtimeMs > KEPT_MS) await rm(file, { force: true });
  }
}

/** Those of the last day, the newest first. */
export async function* readWrittenMail(dataDir: string): AsyncGenerator<WrittenMail> {
  const { default: PostalMime } = await import('postal-mime');
  const folder = mailFolderOf(dataDir);
  await removeOldMail(folder);
  for (const file of (await filesIn(folder)).toReversed()) {
    const bytes = await readFile(file).catch(undefinedIfGone);
    if (bytes === undefined) continue;
    const { to = [], subject = '', text = '' } = await PostalMime.parse(bytes);
    yield { name: basename(file, '.eml'), to: to[0]?.address ?? '', subject, text };
  }
}

/** In the order in which the mails were made, by the UUID of version 7 in their names; none where the folder does not exist yet. */
async function filesIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder).catch(undefinedIfGone)) ?? [];
  return names
    .filter((name) => NAME.test(name))
    .toSorted((a, b) => (idIn(a) < idIn(b) ? -1 : 1))
    .map((name) => join(folder, name));
}

function idIn(name: string): string {
  return name.slice(name.search(/[.-]/) + 1);
}

function undefinedIfGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
