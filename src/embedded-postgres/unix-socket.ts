import { chmod, chown, lstat, mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { readLineFile, writeFileOnce } from '../secrets/write-once-file.js';
import { requireFolderAccess } from './run-as-system-user.js';
import type { Installation } from './installation.js';

/** In the socket's name alone; nothing listens there. */
export const PORT = 5432;
/** Of `sun_path`, without its end. */
const LONGEST_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

/** Path of the server's socket in its folder. */
export function socketIn(folder: string): string {
  return join(folder, `.s.PGSQL.${PORT}`);
}

/**
 * The folder for the server's socket, which nobody but the server's user may enter: in `DATA_DIR`, or, where the path
 * would be too long or the file system takes no socket, a temporary one whose path stands in `DATA_DIR`.
 * @throws {Error} naming what is in the way.
 */
export async function openSocketFolder(installation: Installation): Promise<string> {
  const { directory } = installation;
  const inside = directory.socketFolder;
  if (isShortEnough(inside)) {
    await makePrivate(inside, installation);
    if (await takesSockets(inside)) return inside;
  }
  return openElsewhere(installation);
}

/** Whether a server listens there. */
export async function isListening(socket: string): Promise<boolean> {
  const connection = connect(socket);
  try {
    await once(connection, 'connect');
    return true;
  } catch (error) {
    // Anything else, such as a full queue, does not say that nobody is there.
    return !['ENOENT', 'ECONNREFUSED', 'ENOTSOCK'].includes((error as NodeJS.ErrnoException).code ?? '');
  } finally {
    connection.destroy();
  }
}

/** Tells one socket from another that took its place; undefined when there is none. @throws when the file system does not tell. */
export async function identityOf(socket: string): Promise<string | undefined> {
  return lstat(socket).then(
    (file) => (file.isSocket() ? `${file.dev} ${file.ino} ${file.birthtimeMs}` : undefined),
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    },
  );
}

async function openElsewhere(installation: Installation): Promise<string> {
  const { directory, user } = installation;
  const note = directory.socketFolderElsewhere;
  const noted = await readLineFile(note);
  if (noted !== undefined && isShortEnough(noted)) {
    const isOurs = await makePrivate(noted, installation).then(
      () => true,
      () => false,
    );
    if (isOurs) return noted;
  }
  // Whatever it names is not ours any more: others may write into the folder above it.
  if (noted !== undefined) await rm(note, { force: true });
  const parent = [tmpdir(), '/tmp'].find((folder) => isShortEnough(join(folder, 'gatehouse-XXXXXX'))) ?? '/tmp';
  const made = await mkdtemp(join(parent, 'gatehouse-'));
  await makePrivate(made, installation);
  await requireFolderAccess(user, [made]);
  await writeFileOnce(note, made);
  const agreed = (await readLineFile(note)) ?? made;
  if (agreed !== made) await rmdir(made);
  return agreed;
}

function isShortEnough(folder: string): boolean {
  return Buffer.byteLength(socketIn(folder)) <= LONGEST_PATH_BYTES;
}

/** Made when missing. @throws {Error} when it is something else, or somebody else's. */
async function makePrivate(folder: string, { user }: Installation): Promise<void> {
  await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const found = await lstat(folder);
  const own = process.getuid?.() ?? found.uid;
  const owner = user?.uid ?? own;
  if (!found.isDirectory() || (found.uid !== owner && found.uid !== own)) {
    throw new Error(`${folder} is not a folder of PostgreSQL's user: remove it, so that it can be made anew`);
  }
  if ((found.mode & 0o777) !== 0o700) await chmod(folder, 0o700);
  if (found.uid !== owner && user !== undefined) await chown(folder, user.uid, user.gid);
}

/** By making one: shared and foreign file systems refuse it in different ways. */
async function takesSockets(folder: string): Promise<boolean> {
  if ((await identityOf(socketIn(folder)).catch(() => undefined)) !== undefined) return true;
  const probe = createServer();
  try {
    await once(probe.listen(join(folder, `.probe.${randomBytes(2).toString('hex')}`)), 'listening');
    return true;
  } catch {
    return false;
  } finally {
    await new Promise((resolve) => probe.close(resolve));
  }
}
