import { randomBytes } from 'node:crypto';
import { link, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** An older draft was left by a killed process. */
const MAX_DRAFT_AGE_MS = 10_000;

/**
 * Writes a line that only its owner may read, unless the file exists: a hard link never replaces a file. Of several
 * writers the first wins. Readers see the whole line or no file, also after a crash.
 * @throws {Error} naming a file that cannot be written.
 */
export async function writeFileOnce(file: string, line: string): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await writeDurably(draft, line);
    await link(draft, file);
    await syncFolder(dirname(file));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST')
      throw new Error(`${file} cannot be written by this user (${code ?? message})`, { cause: error });
  } finally {
    await rm(draft, { force: true });
  }
}

/** Removes drafts, each a copy of the line, that a killed {@link writeFileOnce} left beside the file. */
export async function removeStaleDrafts(file: string): Promise<void> {
  const names = await readdir(dirname(file)).catch(() => []);
  for (const name of names.filter((each) => each.startsWith(`${basename(file)}.`) && /\.[\da-f]{12}$/.test(each))) {
    const draft = join(dirname(file), name);
    const writtenAt = (await stat(draft).catch(() => undefined))?.mtimeMs ?? Infinity;
    if (Date.now() - writtenAt > MAX_DRAFT_AGE_MS) await rm(draft, { force: true }).catch(() => undefined);
  }
}

/**
 * The line without its line feed; undefined when there is no file.
 * @throws {Error} naming a file that cannot be read.
 */
export async function readLineFile(file: string): Promise<string | undefined> {
  const text = await readRegularFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Error(`${file} cannot be read by this user (${error.code ?? error.message})`, { cause: error });
  });
  return text?.trimEnd();
}

/** A pipe that nobody writes to would keep the process from ending. */
async function readRegularFile(file: string): Promise<string> {
  if (!(await stat(file)).isFile()) throw new Error('it is not a regular file');
  return readFile(file, 'utf8');
}

async function writeDurably(file: string, line: string): Promise<void> {
  await using handle = await open(file, 'wx', 0o600);
  await handle.writeFile(`${line}\n`);
  await handle.sync();
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}
