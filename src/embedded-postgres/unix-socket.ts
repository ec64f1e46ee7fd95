import { chmod, chown, lstat, mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { readLineFile, writeFileOnce } from '../secrets/write-once-file.js';
import { requireFolderAccess } from './run-as-system-user.js';
import type { Installation } from './installation.js';

/** Only part of the socket's name: nothing listens on this TCP port. */
export const SOCKET_PORT = 5432;
/** Size of `sun_path`, without the terminating zero. */
const MAX_SOCKET_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

/** Path of the server's socket in the folder. */
export function socketIn(folder: string): string {
  return join(folder, `.s.PGSQL.${SOCKET_PORT}`);
}

/**
 * Opens the folder for the server's socket, which only the server's user may enter: in `DATA_DIR`, or, where that path
 * is too long or the file system supports no sockets, a temporary folder whose path is recorded in `DATA_DIR`.
 * @throws {Error} naming the obstacle.
 */
export async function openSocketFolder(installation: Installation): Promise<string> {
  const { directory } = installation;
  const inside = directory.socketFolder;
  if (isShortEnough(inside)) {
    await createPrivateFolder(inside, installation);
    if (await supportsSockets(inside)) return inside;
  }
  return openTemporaryFolder(installation);
}

/** Whether a process listens on the socket. */
export async function isListening(socket: string): Promise<boolean> {
  const connection = connect(socket);
  try {
    await once(connection, 'connect');
    return true;
  } catch (error) {
    // Any other error, such as a full queue, does not prove that nobody listens.
    return !['ENOENT', 'ECONNREFUSED', 'ENOTSOCK'].includes((error as NodeJS.ErrnoException).code ?? '');
  } finally {
    connection.destroy();
  }
}

/**
 * Identifies a socket, so that its replacement is noticed; undefined when there is none.
 * @throws when the file system fails.
 */
export async function identityOf(socket: string): Promise<string | undefined> {
  return lstat(socket).then(
    (file) => (file.isSocket() ? `${file.dev} ${file.ino} ${file.birthtimeMs}` : undefined),
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    },
  );
}

async function openTemporaryFolder(installation: Installation): Promise<string> {
  const { directory, user } = installation;
  const record = directory.socketFolderElsewhere;
  const recorded = await readLineFile(record);
  if (recorded !== undefined && isShortEnough(recorded)) {
    const isOurs = await createPrivateFolder(recorded, installation).then(
      () => true,
      () => false,
    );
    if (isOurs) return recorded;
  }
  // The recorded folder is not ours any more: other users may write into its parent.
  if (recorded !== undefined) await rm(record, { force: true });
  const parent = [tmpdir(), '/tmp'].find((folder) => isShortEnough(join(folder, 'gatehouse-XXXXXX'))) ?? '/tmp';
  const created = await mkdtemp(join(parent, 'gatehouse-'));
  await createPrivateFolder(created, installation);
  await requireFolderAccess(user, [created]);
  await writeFileOnce(record, created);
  const agreed = (await readLineFile(record)) ?? created;
  if (agreed !== created) await rmdir(created);
  return agreed;
}

function isShortEnough(folder: string): boolean {
  return Buffer.byteLength(socketIn(folder)) <= MAX_SOCKET_PATH_BYTES;
}

/** Creates the folder when it is missing. @throws {Error} when it is no folder, or belongs to another user. */
async function createPrivateFolder(folder: string, { user }: Installation): Promise<void> {
  await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const found = await lstat(folder);
  const own = process.getuid?.() ?? found.uid;
  const owner = user?.uid ?? own;
  if (!found.isDirectory() || (found.uid !== owner && found.uid !== own)) {
    throw new Error(`${folder} is not a folder of PostgreSQL's user: remove it, so that it can be created again`);
  }
  if ((found.mode & 0o777) !== 0o700) await chmod(folder, 0o700);
  if (found.uid !== owner && user !== undefined) await chown(folder, user.uid, user.gid);
}

/** Tries to create a socket, because file systems refuse it in different ways. */
async function supportsSockets(folder: string): Promise<boolean> {
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
