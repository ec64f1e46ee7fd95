import { rmdir } from 'node:fs/promises';
import { findBinaries, type Binaries } from './binaries.js';
import { requireFolderAccess } from './run-as-system-user.js';
import type { DataDirectory } from './data-directory.js';
import { chooseSystemUser, type SystemUser } from './system-user.js';

/** What it takes to run a server: which programs, on which data, as whom (undefined: this process's own user). */
export interface Installation {
  readonly binaries: Binaries;
  readonly directory: DataDirectory;
  readonly user: SystemUser | undefined;
}

/** @throws {Error} when there are no programs for this platform, or no user that may run them on this data. */
export async function openInstallation(directory: DataDirectory): Promise<Installation> {
  try {
    const [binaries, user] = await Promise.all([findBinaries(), chooseSystemUser(directory)]);
    await requireFolderAccess(user, [binaries.postgres, directory.root]);
    return { binaries, directory, user };
  } catch (error) {
    // A folder of root's that was made for nothing would refuse the ordinary user who tries next. One in use is not empty.
    await rmdir(directory.root).catch(() => undefined);
    throw error;
  }
}
