import { rmdir } from 'node:fs/promises';
import { findBinaries, type Binaries } from './binaries.js';
import { requireFolderAccess } from './run-as-system-user.js';
import type { DataDirectory } from './data-directory.js';
import { chooseSystemUser, type SystemUser } from './system-user.js';

/**
 * What a server needs to run: PostgreSQL's programs, the data directory, and the system user
 * (undefined: this process's user).
 */
export interface Installation {
  readonly binaries: Binaries;
  readonly directory: DataDirectory;
  readonly user: SystemUser | undefined;
}

/** @throws {Error} when there are no programs for this platform, or no user may run them on this data. */
export async function openInstallation(directory: DataDirectory): Promise<Installation> {
  try {
    const [binaries, user] = await Promise.all([findBinaries(), chooseSystemUser(directory)]);
    await requireFolderAccess(user, [binaries.postgres, directory.root]);
    return { binaries, directory, user };
  } catch (error) {
    // Removes the folder if it is empty: one that root has just created would refuse an ordinary user's next attempt.
    await rmdir(directory.root).catch(() => undefined);
    throw error;
  }
}
