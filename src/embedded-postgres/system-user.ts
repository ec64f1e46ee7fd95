import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { DataDirectory } from './data-directory.js';

const run = promisify(execFile);

export interface SystemUser {
  /** For messages. */
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const USER_NAME = 'postgres';

/**
 * The user that the server runs as; undefined for this process's user. PostgreSQL refuses to run as root: under root it
 * is the owner of the existing data, or else the system user `postgres`, which is created when missing.
 * @throws {Error} when the data belongs to another user, or the user cannot be created.
 */
export async function chooseSystemUser({ cluster }: DataDirectory): Promise<SystemUser | undefined> {
  const own = process.getuid?.();
  const owner = await stat(cluster).catch(() => undefined);
  if (own === 0) {
    if (owner === undefined || owner.uid === 0) return findOrCreateUser();
    return { name: `user ${owner.uid}`, uid: owner.uid, gid: owner.gid };
  }
  if (owner === undefined || own === undefined || owner.uid === own) return undefined;
  throw new Error(
    `${cluster} belongs to user ${owner.uid}, and this process runs as user ${own}: ` +
      'start Gatehouse as the user that started it first (root, if it was root), or use another DATA_DIR',
  );
}

async function findOrCreateUser(): Promise<SystemUser> {
  return (await findUser()) ?? createUser();
}

async function findUser(): Promise<SystemUser | undefined> {
  try {
    const ids = await Promise.all(['-u', '-g'].map((which) => run('id', [which, USER_NAME])));
    const [uid, gid] = ids.map(({ stdout }) => Number(stdout));
    return uid === undefined || gid === undefined ? undefined : { name: USER_NAME, uid, gid };
  } catch {
    return undefined;
  }
}

async function createUser(): Promise<SystemUser> {
  const failure = await run('/usr/sbin/useradd', [
    '--system',
    '--user-group',
    '--shell',
    '/bin/false',
    USER_NAME,
  ]).catch((error: Error) => error);
  // Another start may have created it meanwhile, so look for it even after a failure.
  const user = await findUser();
  if (user !== undefined) return user;
  throw new Error(
    `PostgreSQL refuses to run as root, and the system user "${USER_NAME}" could not be created: ` +
      'create it, start Gatehouse as an ordinary user, or set DATABASE_URL',
    { cause: failure },
  );
}
