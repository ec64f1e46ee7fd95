import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFileSync, chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { parseSettings } from '../../dist/config/read-settings.js';
import { openDataDirectory } from '../../dist/embedded-postgres/data-directory.js';
import { openInstallation } from '../../dist/embedded-postgres/installation.js';
import { stopServer } from '../../dist/embedded-postgres/stop-server.js';
import { startServer } from '../../dist/embedded-postgres/start-server.js';
import { provideDatabase } from '../../dist/database/provide-database.js';
import { ensureMigrated } from '../../dist/database/run-migrations.js';

const provide = (folder: string) => provideDatabase(parseSettings({ DATA_DIR: folder }), 'script');

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-postgres-'));
  // The database server's own system user, if any, needs access.
  chmodSync(folder, 0o711);
  return folder;
}

/** Writes files with the cluster's owner; existing files are appended to. */
function addFiles(cluster: string, files: Readonly<Record<string, string>>): void {
  const { uid, gid } = statSync(cluster);
  for (const [name, text] of Object.entries(files)) {
    appendFileSync(join(cluster, name), text);
    chownSync(join(cluster, name), uid, gid);
  }
}

/** A PostgreSQL server for one test, or one file; stopped and removed at its end. */
export class DedicatedPostgres {
  private constructor(
    private readonly folder: string,
    private database: Awaited<ReturnType<typeof provide>>,
    onFinished: (clean: () => Promise<void>) => void = onTestFinished,
  ) {
    onFinished(async () => {
      await this.stop();
      rmSync(folder, { recursive: true, force: true });
    });
  }

  /** Starts it with a migrated database and these lines in `postgresql.conf`. */
  static async start(
    settings: readonly string[] = [],
    onFinished?: (clean: () => Promise<void>) => void,
  ): Promise<DedicatedPostgres> {
    const folder = newFolder();
    if (settings.length > 0) {
      const made = await provide(folder);
      await made.stop();
      appendFileSync(join(folder, 'postgres', 'postgresql.conf'), `${settings.join('\n')}\n`);
    }
    const server = new DedicatedPostgres(folder, await provide(folder), onFinished);
    await ensureMigrated(server.database.config, { migrate: true });
    return server;
  }

  /** The migrated database. */
  get url(): string {
    return this.database.config.databaseUrl;
  }

  /** Creates another migrated database. */
  async createDatabase(): Promise<string> {
    const url = new URL(this.url);
    const name = `test_${randomUUID().replaceAll('-', '')}`;
    await this.administer(`CREATE DATABASE ${name} TEMPLATE ${url.pathname.slice(1)} OWNER ${url.username}`);
    url.pathname = `/${name}`;
    return url.href;
  }

  /** The folder of data, configuration and `postmaster.pid`. */
  get cluster(): string {
    return join(this.folder, 'postgres');
  }

  /** Kills the server; it is restarted at once. */
  kill(): void {
    process.kill(Number(readFileSync(join(this.cluster, 'postmaster.pid'), 'utf8').split('\n')[0]), 'SIGKILL');
  }

  async stop(): Promise<void> {
    await this.database.stop();
    await stopServer(this.cluster);
  }

  /** Restarts it as a standby that refuses connections (SQLSTATE 57P03). */
  async startRefusing(): Promise<void> {
    await this.stop();
    addFiles(this.cluster, { 'standby.signal': '', 'postgresql.auto.conf': 'hot_standby = off\n' });
    const installation = await openInstallation(await openDataDirectory(this.folder));
    // It never becomes ready, so do not wait for it.
    const until = { stopping: undefined, timeout: AbortSignal.abort() };
    await startServer(installation, installation.directory.socketFolder, until);
  }

  /** Restarts it normally after {@link startRefusing}. */
  async startAccepting(): Promise<void> {
    await this.stop();
    for (const name of ['standby.signal', 'postgresql.auto.conf']) rmSync(join(this.cluster, name));
    this.database = await provide(this.folder);
  }

  /** Starts a standby of this server that can be promoted, from a base backup of its folder. */
  async startStandby(): Promise<DedicatedPostgres> {
    const folder = newFolder();
    const cluster = join(folder, 'postgres');
    const url = this.#superuserUrl;
    const superuser = new pg.Client({ connectionString: url });
    await superuser.connect();
    await superuser.query(`SELECT pg_backup_start('standby', true)`);
    // Unlike Node's copy functions, `cp -a` keeps the owners.
    execFileSync('cp', ['-a', `${this.folder}/.`, folder]);
    const { rows } = await superuser.query<{ label: string }>('SELECT labelfile AS label FROM pg_backup_stop(false)');
    await superuser.end();
    rmSync(join(cluster, 'postmaster.pid'));
    addFiles(cluster, {
      backup_label: rows[0]?.label ?? '',
      'standby.signal': '',
      'postgresql.auto.conf': `primary_conninfo = '${url}'\n`,
    });
    return new DedicatedPostgres(folder, await provide(folder));
  }

  /** Runs one statement as the superuser. */
  async administer(sql: string): Promise<void> {
    const superuser = new pg.Client({ connectionString: this.#superuserUrl });
    await superuser.connect();
    await superuser.query(sql);
    await superuser.end();
  }

  get #superuserUrl(): string {
    const url = new URL(this.url);
    url.username = 'postgres';
    url.password = readFileSync(join(this.folder, 'database-superuser-password'), 'utf8').trim();
    return url.href;
  }
}
