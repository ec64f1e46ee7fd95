import { access, chmod, constants, mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';

/** What lies where under `DATA_DIR`. Only `cluster` belongs to the server's user, the rest to the process's own. */
export interface DataDirectory {
  readonly root: string;
  /** PostgreSQL's own data directory; it exists whole or not at all. */
  readonly cluster: string;
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

/** Under root the server runs as another user, who must be able to pass through to its own folder. */
async function makeFolder(path: string): Promise<void> {
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700;
  const made = await mkdir(path, { recursive: true, mode });
  if (made !== undefined) await chmod(path, mode);
}

function layOut(root: string): DataDirectory {
  return {
    root,
    cluster: join(root, 'postgres'),
    log: join(root, 'postgres.log'),
    socketFolder: join(root, 'postgres-socket'),
    socketFolderElsewhere: join(root, 'postgres-socket-folder'),
    masterSecret: join(root, 'master-secret'),
    password: join(root, 'database-password'),
    superuserPassword: join(root, 'database-superuser-password'),
  };
}
