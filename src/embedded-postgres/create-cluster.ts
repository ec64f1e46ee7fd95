import { chown, mkdtemp, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { roleStatements } from './application-role.js';
import { readOrCreateSecret } from '../secrets/secret-file.js';
import { hasCluster, type DataDirectory } from './data-directory.js';
import type { Installation } from './installation.js';
import { isAlive } from './lock-files.js';
import { recordClusterCreated } from './lost-data.check.js';
import { runAsSystemUser } from './run-as-system-user.js';

const SCRATCH_PREFIX = 'postgres-new-';

/**
 * Creates the database cluster by `initdb` unless it exists, and removes what a killed attempt left behind. Ends when
 * `signal` aborts.
 */
export async function createClusterIfMissing(installation: Installation, signal?: AbortSignal): Promise<void> {
  const { directory } = installation;
  await removeAbandonedAttempts(directory.root);
  if (await hasCluster(directory)) return recordClusterCreated(directory);
  const scratch = await mkdtemp(join(directory.root, `${SCRATCH_PREFIX}${process.pid}-`));
  try {
    const cluster = join(scratch, 'cluster');
    await runInitdb(cluster, scratch, installation, signal);
    await createRole(cluster, installation, signal);
    await moveIntoPlace(cluster, directory);
    await recordClusterCreated(directory);
  } catch (error) {
    signal?.throwIfAborted();
    const reason = firstFailure((error as Error).message);
    throw new Error(`PostgreSQL could not be initialised in ${directory.root}: ${reason}`, { cause: error });
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** What failed first, such as a write to a full disk; the lines after it follow from it. */
function firstFailure(output: string): string {
  const [, reason] = /(?:FATAL|PANIC|ERROR|error):\s+(.+)$/m.exec(output) ?? [];
  return reason === undefined ? output : `${reason.replace(/\.$/, '')}.`;
}

async function runInitdb(
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

/** In single-user mode, before anybody can connect. Errors must not repeat the statement, which contains a password. */
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

/** The atomic rename creates the cluster: of several first starts at once one wins, and the others use its cluster. */
async function moveIntoPlace(created: string, directory: DataDirectory): Promise<void> {
  try {
    await rename(created, directory.cluster);
  } catch (error) {
    if (!(await hasCluster(directory))) throw error;
  }
  await using folder = await open(directory.root, 'r');
  await folder.sync();
}

async function removeAbandonedAttempts(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    const pid = /^postgres-new-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    await rm(join(root, name), { recursive: true, force: true, maxRetries: 3 });
  }
}
