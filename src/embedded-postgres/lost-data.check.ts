import { readdir, rm } from 'node:fs/promises';
import { readLineFile, writeFileOnce } from '../secrets/write-once-file.js';
import { hasCluster, type DataDirectory } from './data-directory.js';

/**
 * Checks for a lost cluster before anything is created: an empty database in its place would
 * look as if every user were lost.
 * @throws {Error} naming the folder, when the cluster is missing but its secrets exist.
 */
export async function requireNoLostCluster(directory: DataDirectory): Promise<void> {
  // In this order: another process that creates both creates the cluster first.
  const wasCreated = (await readLineFile(directory.clusterCreated)) !== undefined;
  if (await hasCluster(directory)) return;
  // Checked again, because another process may have created the cluster meanwhile.
  if ((await hasContent(directory.cluster)) && !(await hasCluster(directory))) {
    throw new Error(
      `${directory.cluster} has content, but no database that can be started (PG_VERSION is missing): restore that folder from a backup, ` +
        'or move it away to start with an empty database',
    );
  }
  if (!wasCreated) return;
  const secrets = await existingFiles([directory.masterSecret, directory.password, directory.superuserPassword]);
  // The operator removed the secrets on purpose.
  if (secrets.length === 0) return rm(directory.clusterCreated, { force: true });
  throw new Error(
    `${directory.cluster} no longer contains a database, but its secrets still exist: restore that folder from a backup, ` +
      `or, to start with an empty database, remove ${secrets.join(', ')}`,
  );
}

async function hasContent(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new Error(`${folder} cannot be read as a folder (${error.code ?? error.message})`, { cause: error });
  });
  return names.length > 0;
}

async function existingFiles(files: readonly string[]): Promise<string[]> {
  const lines = await Promise.all(files.map(readLineFile));
  return files.filter((_file, index) => lines[index] !== undefined);
}

/** Records in `DATA_DIR` that the cluster was created. Only the file's existence counts; its text is for people. */
export async function recordClusterCreated({ clusterCreated }: DataDirectory): Promise<void> {
  const isRecorded = (await readLineFile(clusterCreated)) !== undefined;
  if (!isRecorded) {
    await writeFileOnce(
      clusterCreated,
      'The database was created here. If it is missing while its secrets exist, no new one is created.',
    );
  }
}
