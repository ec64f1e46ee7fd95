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

const NAME = 'postgres';

/**
 * Whom the server runs as: undefined is this process's own user. PostgreSQL refuses root, so under root it is the
 * owner of the existing data, else the system user `postgres`, which is made when missing.
 * @throws {Error} when the data belongs to someone else, or the user cannot be made.
 */
export async function chooseSystemUser({ cluster }: DataDirectory): Promise<SystemUser | undefined> {
  const own = process.getuid?.();
  const owner = await stat(cluster).catch(() => undefined);
  if (own === 0) {
    if (owner === undefined || owner.uid === 0) return findOrMakeUser();
    return { name: `user ${owner.uid}`, uid: owner.uid, gid: owner.gid };
  }
  if (owner === undefined || own === undefined || owner.uid === own) return undefined;
  throw new Error(
    `${cluster} belongs to user ${owner.uid} and this is user ${own}: ` +
      'start Gatehouse as the user who first did (root, if it was root), or give it another DATA_DIR',
  );
}

async function findOrMakeUser(): Promise<SystemUser> {
  return (await findUser()) ?? makeUser();
}

async function findUser(): Promise<SystemUser | undefined> {
  try {
    const ids = await Promise.all(['-u', '-g'].map((which) => run('id', [which, NAME])));
    const [uid, gid] = ids.map(({ stdout }) => Number(stdout));
    return uid === undefined || gid === undefined ? undefined : { name: NAME, uid, gid };
  } catch {
    return undefined;
  }
}

async function makeUser(): Promise<SystemUser> {
  const failure = await run('/usr/sbin/useradd', ['--system', '--user-group', '--shell', '/bin/false', NAME]).catch(
    (error: Error) => error,
  );
  // Another start may have made it in the meantime: what counts is that it is there.
  const user = await findUser();
  if (user !== undefined) return user;
  throw new Error(
    `PostgreSQL refuses to run as root, and the system user "${NAME}" could not be made: ` +
      'make it, start Gatehouse as an ordinary user, or set DATABASE_URL',
    { cause: failure },
  );
}
