import { chown, mkdtemp, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readLineFile, writeFileOnce } from '../secrets/write-once-file.js';
import { readOrCreateSecret } from '../secrets/secret-file.js';
import { runAsSystemUser } from './run-as-system-user.js';
import type { DataDirectory } from './data-directory.js';
import type { Installation } from './installation.js';
import { isAlive } from './lock-files.js';

const SCRATCH = 'postgres-new-';

/** Role and database of the application; `postgres` is the maintenance database every server has. */
export const ROLE = 'gatehouse';

/** Makes the database cluster unless it is there or `signal` aborts, and clears away what a killed attempt left. */
export async function ensureClusterExists(installation: Installation, signal?: AbortSignal): Promise<void> {
  const { directory } = installation;
  await removeAbandoned(directory.root);
  if (await hasCluster(directory)) return recordMade(directory);
  const scratch = await mkdtemp(join(directory.root, `${SCRATCH}${process.pid}-`));
  try {
    const cluster = join(scratch, 'cluster');
    await initialise(cluster, scratch, installation, signal);
    await createRole(cluster, installation, signal);
    await publish(cluster, directory);
    await recordMade(directory);
  } catch (error) {
    signal?.throwIfAborted();
    const { message } = error as Error;
    throw new Error(`PostgreSQL could not be initialised in ${directory.root}: ${message}`, { cause: error });
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Whether there are data that the secrets beside them belong to. */
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
 * Asked before anything is made: an empty database in the place of one that is gone would look like the loss of every user.
 * @throws {Error} naming the folder, when secrets of its database are there without it.
 */
export async function requireNoLostCluster(directory: DataDirectory): Promise<void> {
  // In this order: while another process makes both, the folder comes first.
  const wasMade = (await readLineFile(directory.clusterMade)) !== undefined;
  if (await hasCluster(directory)) return;
  // Another process may have made it meanwhile.
  if ((await hasContent(directory.cluster)) && !(await hasCluster(directory))) {
    throw new Error(
      `${directory.cluster} has content, but no database that can be started (PG_VERSION is missing): restore that folder from a backup, ` +
        'or move it away to start anew',
    );
  }
  if (!wasMade) return;
  const secrets = await existing([directory.masterSecret, directory.password, directory.superuserPassword]);
  // They were removed on purpose.
  if (secrets.length === 0) return rm(directory.clusterMade, { force: true });
  throw new Error(
    `${directory.cluster} holds no database any more, and what belongs to it is there: restore that folder from a backup, ` +
      `or, to start anew with an empty database, remove ${secrets.join(', ')}`,
  );
}

async function hasContent(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new Error(`${folder} cannot be read as a folder (${error.code ?? error.message})`, { cause: error });
  });
  return names.length > 0;
}

async function existing(files: readonly string[]): Promise<string[]> {
  const lines = await Promise.all(files.map(readLineFile));
  return files.filter((_file, index) => lines[index] !== undefined);
}

/** The line is for people. */
async function recordMade({ clusterMade }: DataDirectory): Promise<void> {
  const isRecorded = (await readLineFile(clusterMade)) !== undefined;
  if (!isRecorded)
    await writeFileOnce(clusterMade, 'Without the database that was made here none is made beside its secrets.');
}

async function initialise(
  cluster: string,
  scratch: string,
  installation: Installation,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { binaries, directory, user } = installation;
  const passwordFile = join(scratch, 'password');
  await writeFile(passwordFile, await readOrCreateSecret(directory.superuserPassword), { mode: 0o600 });
  if (user !== undefined) {
    await chown(passwordFile, user.uid, user.gid);
    await chown(scratch, user.uid, user.gid);
  }
  const names = ['--username=postgres', `--pgdata=${cluster}`, `--pwfile=${passwordFile}`];
  const args = [...names, '--encoding=UTF8', '--locale=C', '--auth=scram-sha-256'];
  await runAsSystemUser(user, binaries.initdb, args, { signal });
}

/** By the stand-alone backend, before anyone can connect. Its errors must not repeat the statement: a password is in it. */
async function createRole(
  cluster: string,
  { binaries, directory, user }: Installation,
  signal: AbortSignal | undefined,
): Promise<void> {
  const settings = ['-c', 'exit_on_error=on', '-c', 'log_min_error_statement=panic'];
  const input = roleStatements(await readOrCreateSecret(directory.password));
  await runAsSystemUser(user, binaries.postgres, ['--single', '-D', cluster, ...settings, 'postgres'], {
    input,
    signal,
  });
}

/** One per line. The role's errors are logged without DETAIL and STATEMENT, which hold personal data. */
function roleStatements(password: string): string {
  return [
    `CREATE ROLE ${ROLE} LOGIN CREATEDB PASSWORD '${password}'`,
    `ALTER ROLE ${ROLE} SET log_error_verbosity TO terse`,
    `ALTER ROLE ${ROLE} SET log_min_error_statement TO panic`,
    `CREATE DATABASE ${ROLE} OWNER ${ROLE}`,
    '',
  ].join('\n');
}

/** The rename is the moment the cluster exists; of several first starts one wins and the others use its cluster. */
async function publish(made: string, directory: DataDirectory): Promise<void> {
  try {
    await rename(made, directory.cluster);
  } catch (error) {
    if (!(await hasCluster(directory))) throw error;
  }
  await using folder = await open(directory.root, 'r');
  await folder.sync();
}

async function removeAbandoned(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    const maker = /^postgres-new-(\d+)-/.exec(name)?.[1];
    if (maker === undefined || isAlive(Number(maker))) continue;
    await rm(join(root, name), { recursive: true, force: true, maxRetries: 3 });
  }
}
