import { execFile, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { expect, onTestFinished } from 'vitest';

/** PostgreSQL and PgBouncer do not run as root. */
export const SYSTEM_USER = process.getuid?.() === 0 ? idsOf('postgres') : undefined;
/** The latest PostgreSQL of the system. Its folder is not in PATH on Debian. */
export const BINARIES = foldersOfBinaries().find((folder) => existsSync(join(folder, 'pg_basebackup')));

function idsOf(user: string): { uid: number; gid: number } | undefined {
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(spawnSync('id', [flag, user]).stdout.toString() || Number.NaN));
  return Number.isNaN(uid) ? undefined : { uid: uid as number, gid: gid as number };
}

function foldersOfBinaries(): string[] {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  return [...versions.map((version) => join(debian, version, 'bin')), ...(process.env['PATH'] ?? '').split(':')].filter(
    (folder) => existsSync(join(folder, 'initdb')),
  );
}

interface ServerOptions {
  /** A folder of the system user; the server gets one in it. */
  readonly folder: string;
  readonly name: string;
  readonly port: number;
  /** In the environment of the blocks, as an operator has it. */
  readonly replicationPassword: string;
}

/** A PostgreSQL server of the system's packages, managed as an operator does; stopped at the end of the test. */
export class ReplicatedPostgres {
  readonly #data: string;
  readonly #environment: Record<string, string>;

  constructor(private readonly options: ServerOptions) {
    const { folder, name, port, replicationPassword } = options;
    this.#data = join(folder, name);
    this.#environment = {
      PATH: `${BINARIES}:${process.env['PATH']}`,
      LC_ALL: 'C',
      PGDATA: this.#data,
      PGHOST: join(folder, `${name}-socket`),
      PGPORT: String(port),
      PGUSER: 'postgres',
      PGDATABASE: 'postgres',
      PGPASSWORD: replicationPassword,
    };
    mkdirSync(this.#socketFolder);
    if (SYSTEM_USER) chownSync(this.#socketFolder, SYSTEM_USER.uid, SYSTEM_USER.gid);
    onTestFinished(() => this.stop());
  }

  /** A new cluster with these lines in its configuration. */
  async create(configuration: string, hostBasedAuthentication: string): Promise<void> {
    await this.run('initdb --username=postgres --auth=trust --no-sync --no-instructions');
    writeFileSync(join(this.#data, 'pg_hba.conf'), `local all all trust\n${hostBasedAuthentication}`);
    this.#append('postgresql.conf', configuration);
  }

  /** Starts it with the port of the test; its address is in the printed blocks. */
  async start(): Promise<void> {
    const { port } = this.options;
    this.#append('postgresql.conf', `port = ${port}\nunix_socket_directories = '${this.#socketFolder}'\n`);
    await this.run('pg_ctl start --wait --silent --log="$PGDATA/server.log"');
  }

  /** Runs a script of the shell as the system user of the server. */
  async run(script: string): Promise<string> {
    const running = promisify(execFile)('bash', ['--norc', '-euc', script], {
      cwd: this.options.folder,
      env: this.#environment,
      ...SYSTEM_USER,
    });
    running.child.stdin?.end();
    return (await running).stdout;
  }

  async query<Row extends object = object>(sql: string, database = 'postgres'): Promise<Row[]> {
    const { port } = this.options;
    const client = new pg.Client({ host: this.#socketFolder, port, user: 'postgres', database });
    await client.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** Resolves once a standby of this name has every commit acknowledged. */
  async waitForStandby(sync: 'async' | 'quorum'): Promise<void> {
    const states = async () =>
      (await this.query<{ state: string }>(`SELECT state || ' ' || sync_state AS state FROM pg_stat_replication`)).map(
        ({ state }) => state,
      );
    await expect.poll(states, { timeout: 20_000 }).toEqual([`streaming ${sync}`]);
  }

  /**
   * Stops (SIGSTOP) the process that receives from the primary, so that this standby confirms nothing.
   * @returns ends that process; what the network still holds for it is lost, as when the primary's machine fails
   */
  async holdReceiver(): Promise<() => void> {
    const [receiver] = await this.query<{ pid: number }>('SELECT pid FROM pg_stat_wal_receiver');
    if (receiver === undefined) throw new Error('it receives nothing');
    process.kill(receiver.pid, 'SIGSTOP');
    return () => {
      process.kill(receiver.pid, 'SIGTERM');
      process.kill(receiver.pid, 'SIGCONT');
    };
  }

  /** Kills all its processes at once, as a machine that loses its power. */
  crash(): void {
    const file = join(this.#data, 'postmaster.pid');
    if (!existsSync(file)) return;
    const postmaster = readFileSync(file, 'utf8').split('\n')[0] ?? '';
    const children = spawnSync('ps', ['-o', 'pid=', '--ppid', postmaster]).stdout.toString().split('\n');
    for (const id of [postmaster, ...children].filter((text) => text.trim() !== '')) killIfAlive(Number(id));
  }

  /** Does nothing if it does not run. */
  async stop(): Promise<void> {
    if (existsSync(join(this.#data, 'postmaster.pid'))) await this.run('pg_ctl stop --mode=immediate --silent || true');
  }

  /** Removes its data. */
  empty(): void {
    rmSync(this.#data, { recursive: true });
  }

  get #socketFolder(): string {
    return join(this.options.folder, `${this.options.name}-socket`);
  }

  #append(file: string, text: string): void {
    appendFileSync(join(this.#data, file), text);
  }
}

function killIfAlive(id: number): void {
  try {
    process.kill(id, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
