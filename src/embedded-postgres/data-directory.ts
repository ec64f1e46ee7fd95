import { access, chmod, constants, mkdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** What lies where under `DATA_DIR`. Only `cluster` belongs to the server's user, the rest to the process's own. */
export interface DataDirectory {
  readonly root: string;
  /** PostgreSQL's own data directory; it exists whole or not at all. */
  readonly cluster: string;
  /** There once `cluster` was: a first start that was killed leaves secrets, and not this. */
  readonly clusterMade: string;
  readonly log: string;
  /** The folder of the server's socket, where its path is short enough and the file system takes a socket. */
  readonly socketFolder: string;
  /** Else names the folder that is used in its place. */
  readonly socketFolderElsewhere: string;
  readonly masterSecret: string;
  /** Password of the role the application connects with. */
  readonly password: string;
  readonly superuserPassword: string;
}

/**
 * Makes `DATA_DIR` when it is missing.
 * @throws {Error} naming the folder when this user may not write there.
 */
export async function openDataDirectory(path: string): Promise<DataDirectory> {
  try {
    await makeFolder(path);
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`DATA_DIR ${path} cannot be used by this user (${code}): let it write there or choose another`, {
      cause: error,
    });
  }
  return layOut(await realpath(path));
}

/**
 * With the folders above it. Not by `recursive`, which asks for ever where the system makes no folders and says that the one above is
 * missing, as in /proc.
 */
async function makeFolder(path: string): Promise<void> {
  const isMissing = (error: NodeJS.ErrnoException): boolean => error.code === 'ENOENT' && dirname(path) !== path;
  try {
    return await makeOne(path);
  } catch (error) {
    if (!isMissing(error as NodeJS.ErrnoException)) throw error;
  }
  await makeFolder(dirname(path));
  await makeOne(path);
}

/** Unless it is there. Under root the server runs as another user, who must be able to pass through to its own folder. */
async function makeOne(path: string): Promise<void> {
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700;
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    throw error;
  }
  await chmod(path, mode);
}

function layOut(root: string): DataDirectory {
  return {
    root,
    cluster: join(root, 'postgres'),
    clusterMade: join(root, 'postgres-made'),
    log: join(root, 'postgres.log'),
    socketFolder: join(root, 'postgres-socket'),
    socketFolderElsewhere: join(root, 'postgres-socket-folder'),
    masterSecret: join(root, 'master-secret'),
    password: join(root, 'database-password'),
    superuserPassword: join(root, 'database-superuser-password'),
  };
}
