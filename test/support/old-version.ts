import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { processOptions, runAsSystemUser } from '../../dist/embedded-postgres/run-as-system-user.js';
import { openDataDirectory } from '../../dist/embedded-postgres/data-directory.js';
import { openInstallation } from '../../dist/embedded-postgres/installation.js';
import { createDatabase, query } from './app.js';
import { golden, goldenDump } from '../golden/golden.js';
import { freePort, type Environment } from './processes.js';

/** The commit of the previous release, which made the golden data. */
export const OLD_COMMIT = '20c3135';

/** A shallow clone does not have the commit. */
export const hasOldCommit = spawnSync('git', ['cat-file', '-e', OLD_COMMIT]).status === 0;

type OnFinished = (clean: () => Promise<void>) => void;

/** A temporary folder that the database server's own system user can enter. */
export function newFolder(name: string, onFinished: OnFinished): string {
  const folder = mkdtempSync(join(tmpdir(), `gatehouse-${name}-`));
  chmodSync(folder, 0o711);
  onFinished(async () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Builds the old program with the current packages; resolves with its folder. */
export async function buildOldVersion(onFinished: OnFinished): Promise<string> {
  const folder = newFolder('old-version', onFinished);
  const run = promisify(execFile);
  await run('sh', ['-c', `git archive ${OLD_COMMIT} | tar -x -C "$0"`, folder]);
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  await run(process.execPath, ['.config/build.mjs'], { cwd: folder });
  return folder;
}

/** The lines that a command prints; `folder` selects the version. */
export async function outputLinesOf(
  environment: Environment,
  args: readonly string[],
  folder = '.',
): Promise<string[]> {
  const env = { ...process.env, ...environment };
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, env });
  return stdout.trim().split('\n');
}

/** Creates a database as the old version left it, not migrated. */
export async function createGoldenDatabase(onFinished?: OnFinished): Promise<string> {
  const databaseUrl = await createDatabase(onFinished);
  await query(databaseUrl, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  await query(databaseUrl, goldenDump());
  return databaseUrl;
}

export interface OldDataDirectory {
  readonly folder: string;
  readonly port: number;
  /** Of the running server. */
  readonly pid: number;
}

/**
 * Creates a `DATA_DIR` as the old version did, with the golden data: files, arguments of `initdb`, statements and
 * server settings are those of its code. Its server keeps running on TCP, as after `kill -9` of the application.
 */
export async function createOldDataDirectory(onFinished: OnFinished): Promise<OldDataDirectory> {
  const folder = newFolder('old-data', onFinished);
  const { binaries, user } = await openInstallation(await openDataDirectory(folder));
  const cluster = join(folder, 'postgres');
  const passwords = { role: 'rOlE'.padEnd(43, '0'), superuser: 'sUpEr'.padEnd(43, '0') };
  const keep = (name: string, text: string) => writeFileSync(join(folder, name), `${text}\n`, { mode: 0o600 });
  keep('master-secret', golden.masterSecret);
  keep('database-password', passwords.role);
  keep('database-superuser-password', passwords.superuser);

  const scratch = newFolder('old-scratch', onFinished);
  const passwordFile = join(scratch, 'password');
  writeFileSync(passwordFile, passwords.superuser);
  chmodSync(passwordFile, 0o644);
  // Created elsewhere, since the folder itself belongs to the application's user.
  const made = join(scratch, 'cluster');
  chmodSync(scratch, 0o777);
  const names = ['--username=postgres', `--pgdata=${made}`, `--pwfile=${passwordFile}`];
  await runAsSystemUser(user, binaries.initdb, [...names, '--encoding=UTF8', '--locale=C', '--auth=scram-sha-256']);
  const settings = ['-c', 'exit_on_error=on', '-c', 'log_min_error_statement=panic'];
  const statements = [
    `CREATE ROLE gatehouse LOGIN CREATEDB PASSWORD '${passwords.role}'`,
    'ALTER ROLE gatehouse SET log_error_verbosity TO terse',
    'ALTER ROLE gatehouse SET log_min_error_statement TO panic',
    'CREATE DATABASE gatehouse OWNER gatehouse',
    '',
  ].join('\n');
  await runAsSystemUser(user, binaries.postgres, ['--single', '-D', made, ...settings, 'postgres'], {
    input: statements,
  });
  spawnSync('mv', [made, cluster]);

  const port = await freePort();
  keep('postgres-port', String(port));
  const options = [
    `listen_addresses=127.0.0.1`,
    `port=${port}`,
    'unix_socket_directories=',
    'log_line_prefix=%m [%p] %e ',
  ];
  const server = spawn(binaries.postgres, ['-D', cluster, ...options.flatMap((option) => ['-c', option])], {
    ...processOptions(user),
    detached: true,
    stdio: 'ignore',
  });
  await once(server, 'spawn');
  server.unref();
  const pid = server.pid ?? 0;
  onFinished(async () => void (isServer(folder, pid) && process.kill(pid, 'SIGQUIT')));
  await loadGoldenDump(`postgresql://gatehouse:${passwords.role}@127.0.0.1:${port}/gatehouse`);
  return { folder, port, pid };
}

function isServer(folder: string, pid: number): boolean {
  return postmasterOf(folder)?.pid === pid;
}

/** The content of `postmaster.pid`. */
export function postmasterOf(folder: string): { pid: number; port: number; socketFolder: string } | undefined {
  try {
    const [pid, , , port, socketFolder = ''] = readFileSync(join(folder, 'postgres/postmaster.pid'), 'utf8').split(
      '\n',
    );
    return { pid: Number(pid), port: Number(port), socketFolder };
  } catch {
    return undefined;
  }
}

async function loadGoldenDump(connectionString: string): Promise<void> {
  for (const deadline = performance.now() + 20_000; ;) {
    const client = new pg.Client({ connectionString });
    try {
      await client.connect();
      await client.query(goldenDump());
      return;
    } catch (error) {
      // The server refuses connections or is still starting.
      const { code } = error as { code?: string };
      if ((code !== 'ECONNREFUSED' && code !== '57P03') || performance.now() > deadline) throw error;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
