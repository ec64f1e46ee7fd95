import { access, chmod, constants, mkdir, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Paths under `DATA_DIR`. The server's user owns only `cluster`, this process's user owns the rest. */
export interface DataDirectory {
  readonly root: string;
  /** PostgreSQL's data directory. It exists completely or not at all. */
  readonly cluster: string;
  /** A file that exists once `cluster` was created. A first start that was killed leaves secrets, but not this file. */
  readonly clusterCreated: string;
  readonly log: string;
  /** Folder of the server's socket, if its path is short enough and the file system supports sockets. */
  readonly socketFolder: string;
  /** Otherwise: a file with the path of the folder used instead. */
  readonly socketFolderElsewhere: string;
  readonly masterSecret: string;
  /** Password of the application's role. */
  readonly password: string;
  readonly superuserPassword: string;
}

/**
 * Creates `DATA_DIR` when it is missing.
 * @throws {Error} naming the folder, when this user may not write there.
 */
export async function openDataDirectory(path: string): Promise<DataDirectory> {
  try {
    await createFolder(path);
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      `DATA_DIR ${path} cannot be used by this user (${code}): allow this user to write there, or choose another folder`,
      {
        cause: error,
      },
    );
  }
  return pathsIn(await realpath(path));
}

/** Whether the database cluster exists, so that the secrets beside it are in use. */
export async function hasCluster({ cluster }: DataDirectory): Promise<boolean> {
  return stat(join(cluster, 'PG_VERSION')).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}

/**
 * Creates the folder and its parents. Not with the option `recursive`, which loops forever where the system creates no
 * folders but reports a missing parent, as in /proc.
 */
async function createFolder(path: string): Promise<void> {
  const isMissing = (error: NodeJS.ErrnoException): boolean => error.code === 'ENOENT' && dirname(path) !== path;
  try {
    return await createOneFolder(path);
  } catch (error) {
    if (!isMissing(error as NodeJS.ErrnoException)) throw error;
  }
  await createFolder(dirname(path));
  await createOneFolder(path);
}

/**
 * Creates one folder, if it is missing. Under root it is passable (0711), since the server runs as another
 * user and its cluster is inside.
 */
async function createOneFolder(path: string): Promise<void> {
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700;
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    throw error;
  }
  await chmod(path, mode);
}

function pathsIn(root: string): DataDirectory {
  return {
    root,
    cluster: join(root, 'postgres'),
    clusterCreated: join(root, 'postgres-made'),
    log: join(root, 'postgres.log'),
    socketFolder: join(root, 'postgres-socket'),
    socketFolderElsewhere: join(root, 'postgres-socket-folder'),
    masterSecret: join(root, 'master-secret'),
    password: join(root, 'database-password'),
    superuserPassword: join(root, 'database-superuser-password'),
  };
}
