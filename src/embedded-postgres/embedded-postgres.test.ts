import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseSettings } from '../config/read-settings.js';
import { isAlive } from './lock-files.js';
import { findRunningServer } from './running-server.js';
import { stopServer } from './stop-server.js';
import { processOptions } from './run-as-system-user.js';
import { openDataDirectory } from './data-directory.js';
import { openInstallation } from './installation.js';
import { UsageLock, type ProcessRole } from './usage-lock.js';
import { identityOf, socketIn } from './unix-socket.js';
import { loopbackUrl } from './server-url.js';
import { provideDatabase, type ProvidedDatabase } from '../database/provide-database.js';

const isRoot = process.getuid?.() === 0;

/** Lets Node run this module's TypeScript: resolves `./file.js` to `./file.ts`. */
const RESOLVE_TYPESCRIPT = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({ resolve(name, context, next) {
    try { return next(name, context); } catch (error) {
      if (!name.endsWith('.js')) throw error;
      return next(name.slice(0, -2) + 'ts', context);
    }
  } });`)}`;

const PROGRAM = `
  import { provideDatabase } from ${JSON.stringify(new URL('../database/provide-database.ts', import.meta.url).href)};
  const [dataDir, role] = process.argv.slice(1);
  try {
    const database = await provideDatabase({ dataDir }, role);
    console.log(JSON.stringify({ url: database.config.databaseUrl }));
    process.stdin.once('end', () => database.stop()).resume();
  } catch (error) {
    console.log(JSON.stringify({ refused: error.message }));
  }`;

interface OtherProcess {
  readonly child: ChildProcess;
  /** The first line of its output: the URL of the database, or the reason of the refusal. */
  readonly outcome: Promise<{ url?: string; refused?: string }>;
  /** Stops it gracefully. */
  stop(): Promise<void>;
  /** `kill -9` */
  kill(): Promise<void>;
}

let temporary: string;
let dataDir: string;
const leftovers: (() => Promise<unknown>)[] = [];

/** A command prefix that hides all processes from the program, as without `/proc`. */
const HIDE_PROCESSES = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh'];

function canHideProcesses(): boolean {
  const [command = '', ...args] = HIDE_PROCESSES;
  return spawnSync(command, [...args, 'true']).status === 0;
}

/** A process of another user with the server's name and arguments. */
function impersonate(cluster: string): ChildProcess {
  const args = ['-e', 'setInterval(() => {}, 1000)', '--', '-D', cluster];
  return spawn(process.execPath, args, { argv0: 'postgres', stdio: 'ignore' });
}

const OTHER_PROGRAMS: [string, (cluster: string) => ChildProcess][] = [
  ['another program called postgres', () => spawn('sleep', ['60'], { argv0: 'postgres', stdio: 'ignore' })],
];
if (isRoot) OTHER_PROGRAMS.push(["another user's process with its name and arguments", impersonate]);

function startProcess(folder: string, role: ProcessRole, wrapper: readonly string[] = []): OtherProcess {
  const args = ['--import', RESOLVE_TYPESCRIPT, '--input-type=module', '-e', PROGRAM, folder, role];
  const [command = '', ...rest] = [...wrapper, process.execPath, ...args];
  const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  leftovers.push(kill);
  return {
    child,
    outcome: once(createInterface(child.stdout), 'line').then(([line]) => JSON.parse(String(line))),
    stop: async () => {
      child.stdin.end();
      expect(await exited).toEqual([0, null]);
    },
    kill,
  };
}

async function provide(role: ProcessRole, folder = dataDir): Promise<ProvidedDatabase> {
  const database = await provideDatabase(parseSettings({ DATA_DIR: folder }), role);
  leftovers.push(() => database.stop());
  return database;
}

async function query<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

async function until<Fact>(check: () => Promise<Fact | false | undefined>): Promise<Fact> {
  for (;;) {
    const fact = await check();
    if (fact !== false && fact !== undefined) return fact;
    await pause(5);
  }
}

/** Waits until the process is stopped: a signal that is sent before that may still be handled first. */
async function suspend(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await until(async () => /^State:\s*T/m.test(await readFile(`/proc/${pid}/status`, 'utf8')));
}

const deep = () => join(temporary, `deep-${'x'.repeat(60)}`);
const socket = () => socketIn(join(dataDir, 'postgres-socket'));

/** Leaves a socket whose server ended without removing it. */
async function leaveStaleSocket(path: string): Promise<void> {
  const child = spawn(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(path)})`]);
  const exited = once(child, 'exit');
  await until(async () => (await identityOf(path)) !== undefined);
  child.kill('SIGKILL');
  await exited;
}

async function listenOn(path: string): Promise<void> {
  const server = createServer((connection) => void connection.destroy());
  await once(server.listen(path), 'listening');
  leftovers.push(() => new Promise((resolve) => server.close(resolve)));
}

/** Starts the server as an earlier version did, without an application. */
async function startOnTcp(): Promise<number> {
  const probe = createServer();
  await once(probe.listen(0, '127.0.0.1'), 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const { binaries, user } = await openInstallation(await openDataDirectory(dataDir));
  const cluster = join(dataDir, 'postgres');
  const settings = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories='];
  const args = ['-D', cluster, ...settings.flatMap((setting) => ['-c', setting])];
  const child = spawn(binaries.postgres, args, { ...processOptions(user), detached: true, stdio: 'ignore' });
  child.unref();
  await until(async () => (await postmaster())?.isReady);
  return port;
}

/**
 * The variables of libpq, https://www.postgresql.org/docs/current/libpq-envars.html, and the others that `pg` reads.
 */
const PG_VARIABLES = (
  'HOST HOSTADDR PORT DATABASE USER PASSWORD PASSFILE REQUIREAUTH CHANNELBINDING SERVICE SERVICEFILE OPTIONS APPNAME ' +
  'SSLMODE REQUIRESSL SSLNEGOTIATION SSLCOMPRESSION SSLCERT SSLKEY SSLCERTMODE SSLROOTCERT SSLCRL SSLCRLDIR SSLSNI ' +
  'REQUIREPEER SSLMINPROTOCOLVERSION SSLMAXPROTOCOLVERSION GSSENCMODE KRBSRVNAME GSSLIB GSSDELEGATION CONNECT_TIMEOUT ' +
  'CLIENT_ENCODING TARGETSESSIONATTRS LOADBALANCEHOSTS DATESTYLE TZ GEQO SYSCONFDIR LOCALEDIR DATA'
)
  .split(' ')
  .map((name) => `PG${name}`);

const lockFile = () => join(dataDir, 'postgres', 'postmaster.pid');

/** Atomically, so that the file is never missing. */
async function replaceLockFileBy(target: string): Promise<void> {
  await symlink(target, `${lockFile()}.other`);
  await rename(`${lockFile()}.other`, lockFile());
}

const postmaster = () => findRunningServer(join(dataDir, 'postgres'));
const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
const scratchFolders = async (folder: string) =>
  (await namesIn(folder)).filter((name) => name.startsWith('postgres-new-'));

beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'gatehouse-embedded-'));
  // Under root the server runs as another user, which must be able to pass.
  await chmod(temporary, 0o711);
  dataDir = join(temporary, 'data');
  await (await provide('script')).stop();
});
afterEach(async () => {
  for (const end of leftovers.splice(0)) await end();
  for (const name of await readdir(temporary)) await stopServer(join(temporary, name, 'postgres'));
});
afterAll(() => rm(temporary, { recursive: true }));

describe('an embedded PostgreSQL', () => {
  let database: ProvidedDatabase;
  let url: string;

  describe('while one application runs on it', () => {
    beforeEach(async () => {
      database = await provide('app');
      url = database.config.databaseUrl;
    });

    test('serves a role that is no superuser but may create databases, through its socket only, with every commit on disk (FLT-27)', async () => {
      expect(new URL(url)).toMatchObject({ username: 'gatehouse', port: '5432', pathname: '/gatehouse' });
      expect(new URL(url).searchParams.get('host')).toBe(join(dataDir, 'postgres-socket'));
      const [facts] = await query(
        url,
        `SELECT rolsuper, rolcreatedb, current_setting('server_encoding') AS encoding, datcollate AS collation,
                current_setting('listen_addresses') AS addresses, current_setting('fsync') AS fsync,
                current_setting('synchronous_commit') AS synchronous_commit,
                current_setting('password_encryption') AS password_encryption
           FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()`,
      );
      expect(facts).toEqual({
        rolsuper: false,
        rolcreatedb: true,
        encoding: 'UTF8',
        collation: 'C',
        addresses: '',
        fsync: 'on',
        synchronous_commit: 'on',
        password_encryption: 'scram-sha-256',
      });
    });

    test('refuses a wrong password', async () => {
      const wrong = new URL(url);
      wrong.password = 'wrong';
      await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow('password authentication failed');
    });

    test('protects its secrets from other users, and provides the master secret', async () => {
      const secrets = ['master-secret', 'database-password', 'database-superuser-password'];
      for (const name of [...secrets, 'postgres.log']) {
        expect((await stat(join(dataDir, name))).mode & 0o777, name).toBe(0o600);
      }
      for (const name of ['postgres', 'postgres-socket']) {
        expect((await stat(join(dataDir, name))).mode & 0o777, name).toBe(0o700);
      }
      expect(database.config.masterSecret).toEqual([(await readFile(join(dataDir, 'master-secret'), 'utf8')).trim()]);
    });

    test('logs the error of a failed statement, but neither the statement nor its values', async () => {
      const table = "CREATE TABLE people AS SELECT 'ada@example.org' AS email; CREATE UNIQUE INDEX ON people (email)";
      await query(url, table);
      const again = query(url, "INSERT INTO people VALUES ('ada@example.org')");
      await expect(again).rejects.toMatchObject({ detail: expect.stringContaining('ada@example.org') });
      const log = await readFile(join(dataDir, 'postgres.log'), 'utf8');
      expect(log).toContain('duplicate key value violates unique constraint');
      expect(log).not.toContain('ada@example.org');
    });

    test('refuses a second application, names the first, and keeps serving it', async () => {
      const second = startProcess(dataDir, 'app');
      expect((await second.outcome).refused).toMatch(
        new RegExp(
          `^Gatehouse already runs on this DATA_DIR \\(gatehouse app, process ${process.pid}\\): stop it first`,
        ),
      );
      await second.stop();
      expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });

    test('serves a script beside the application, and keeps running when the script ends', async () => {
      const script = startProcess(dataDir, 'script');
      expect(await script.outcome).toEqual({ url });
      await script.stop();
      expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });

    test('keeps running for a script when the application stops first; the script then stops the server', async () => {
      const script = startProcess(dataDir, 'script');
      await script.outcome;
      await database.stop();
      expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      await script.stop();
      expect(await postmaster()).toBeUndefined();
    });

    test('is started again at the same URL after it was killed, and still belongs to the application', async () => {
      const before = await postmaster();
      process.kill(before?.pid ?? 0, 'SIGKILL');
      await until(() => query(url, 'SELECT 1').catch(() => false as const));
      expect((await postmaster())?.pid).not.toBe(before?.pid);
      const second = startProcess(dataDir, 'app');
      expect((await second.outcome).refused).toMatch(/already runs/);
    });
  });

  test('keeps its data and its URL when it is stopped and started again', async () => {
    const first = await provide('app');
    await query(first.config.databaseUrl, 'CREATE TABLE kept AS SELECT 42 AS value');
    await first.stop();
    expect(await postmaster()).toBeUndefined();
    const second = await provide('app');
    expect(second.config).toEqual(first.config);
    expect(await query(second.config.databaseUrl, 'SELECT value FROM kept')).toEqual([{ value: 42 }]);
  });

  test('is found and taken over after its application was killed', async () => {
    const killed = startProcess(dataDir, 'app');
    const { url: address = '' } = await killed.outcome;
    await query(address, 'CREATE TABLE written AS SELECT 1 AS value');
    const server = await postmaster();
    await killed.kill();
    const next = await provide('app');
    expect(next.config.databaseUrl).toBe(address);
    expect(await postmaster()).toEqual(server);
    expect(await query(address, 'SELECT value FROM written')).toEqual([{ value: 1 }]);
    await next.stop();
    expect(await postmaster()).toBeUndefined();
  });

  test('serves two scripts until the second ends', async () => {
    const scripts = [startProcess(dataDir, 'script'), startProcess(dataDir, 'script')];
    const [first, second] = await Promise.all(scripts.map((script) => script.outcome));
    expect(first).toEqual(second);
    await scripts[0]?.stop();
    expect(await query(second?.url ?? '', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await scripts[1]?.stop();
    expect(await postmaster()).toBeUndefined();
  });

  test('is stopped when all its scripts end at once', async () => {
    const scripts = Array.from({ length: 4 }, () => startProcess(dataDir, 'script'));
    await Promise.all(scripts.map((script) => script.outcome));
    await Promise.all(scripts.map((script) => script.stop()));
    expect(await postmaster()).toBeUndefined();
  });

  test('is created once by four concurrent first starts, of which one application is refused', async () => {
    const folder = join(temporary, 'first');
    const scripts = ['script', 'script', 'app', 'app'].map((role) => startProcess(folder, role as ProcessRole));
    const outcomes = await Promise.all(scripts.map((script) => script.outcome));
    expect(new Set(outcomes.flatMap(({ url: address }) => address ?? []))).toHaveLength(1);
    expect(outcomes.filter(({ refused }) => refused?.includes('already runs'))).toHaveLength(1);
    expect(await scratchFolders(folder)).toEqual([]);
  });

  test('is created again after the first attempt was killed halfway', async () => {
    const folder = join(temporary, 'killed');
    const killed = startProcess(folder, 'app');
    await until(async () => {
      const [scratch = ''] = await scratchFolders(folder);
      return (await namesIn(join(folder, scratch, 'cluster'))).includes('PG_VERSION');
    });
    await killed.kill();
    expect(await readdir(folder)).not.toContain('postgres');
    const { config } = await provide('app', folder);
    expect(await query(config.databaseUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(await scratchFolders(folder)).toEqual([]);
  });

  test.each([
    ['a file', (path: string) => writeFile(path, '')],
    ['the socket of a server that was killed', leaveStaleSocket],
    ['the socket of another process', listenOn],
  ])('starts when the path of its socket is occupied by %s (FLT-27)', async (_what, occupy) => {
    await rm(socket(), { force: true });
    await occupy(socket());
    const { config } = await provide('script');
    expect(await query(config.databaseUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test.each([
    ['removed', async () => {}],
    ['replaced by a file', (path: string) => writeFile(path, '')],
    ['replaced by the socket of another process', listenOn],
  ])('accepts connections again after its socket was %s (FLT-27)', async (_what, occupy) => {
    const { config } = await provide('app');
    const held = new Client({ connectionString: config.databaseUrl });
    held.on('error', () => {});
    await held.connect();
    await rm(socket());
    await occupy(socket());
    await until(() => query(config.databaseUrl, 'SELECT 1').catch(() => false as const));
    await held.end();
  });

  test('that was left running without its socket is restarted (FLT-27)', async () => {
    const killed = startProcess(dataDir, 'app');
    await killed.outcome;
    const before = await postmaster();
    await killed.kill();
    await rm(socket());
    const { config } = await provide('app');
    expect(await query(config.databaseUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect((await postmaster())?.pid).not.toBe(before?.pid);
  });

  describe('that an earlier version left running on TCP', () => {
    test('is restarted with the same data, on its socket (FLT-27)', async () => {
      const first = await provide('script');
      await query(first.config.databaseUrl, 'CREATE TABLE older AS SELECT 42 AS value');
      await first.stop();
      const port = await startOnTcp();
      expect(await postmaster()).toMatchObject({ socketFolder: '', port });
      const { config } = await provide('app');
      expect(await postmaster()).toMatchObject({ socketFolder: join(dataDir, 'postgres-socket') });
      expect(await query(config.databaseUrl, 'SELECT value FROM older')).toEqual([{ value: 42 }]);
    });

    test.each(OTHER_PROGRAMS)(
      'gets the password only if its process is proven to be the server, and not %s (FLT-27)',
      async (_what, start) => {
        await (await provide('script')).stop();
        let connections = 0;
        const other = createServer((connection) => void (connections++, connection.destroy()));
        await once(other.listen(0, '127.0.0.1'), 'listening');
        leftovers.push(() => new Promise((resolve) => other.close(resolve)));
        const child = start(join(dataDir, 'postgres'));
        leftovers.push(async () => child.kill());
        await once(child, 'spawn');
        const { port } = other.address() as AddressInfo;
        const lines = [child.pid, join(dataDir, 'postgres'), 1, port, '', '127.0.0.1', '1 1', 'ready   ', ''];
        await writeFile(lockFile(), lines.join('\n'));
        await expect(provide('app')).rejects.toThrow(/which may be another program than PostgreSQL/);
        expect(connections).toBe(0);
        await rm(lockFile());
      },
    );

    test.runIf(canHideProcesses())(
      'is not connected to where processes cannot be inspected; its data is served after it was stopped as the message says (FLT-27)',
      async () => {
        await startOnTcp();
        const server = await postmaster();
        const refused = startProcess(dataDir, 'app', HIDE_PROCESSES);
        const command = /and kill -(INT) (\d+) ends it; otherwise/.exec((await refused.outcome).refused ?? '');
        expect(command?.slice(1)).toEqual(['INT', String(server?.pid)]);
        await refused.stop();
        process.kill(Number(command?.[2]), `SIG${command?.[1]}`);
        await until(async () => (await postmaster()) === undefined);
        const { config } = await provide('app');
        expect(await query(config.databaseUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      },
    );

    test('is not stopped while its application runs (FLT-27)', async () => {
      const port = await startOnTcp();
      const password = (await readFile(join(dataDir, 'database-password'), 'utf8')).trim();
      const address = loopbackUrl(port, { role: 'gatehouse', password, database: 'postgres' });
      const older = await UsageLock.acquire(address, 'app');
      await expect(provide('app')).rejects.toThrow(/already runs on this DATA_DIR/);
      expect(await query(address, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      await older.release();
    });
  });

  describe('whose DATA_DIR has too long a path for a socket', () => {
    test('uses a private temporary folder, whose path is recorded in DATA_DIR (FLT-27)', async () => {
      const folder = deep();
      const first = await provide('script', folder);
      const kept = (await readFile(join(folder, 'postgres-socket-folder'), 'utf8')).trim();
      leftovers.push(() => rm(kept, { recursive: true, force: true }));
      expect(new URL(first.config.databaseUrl).searchParams.get('host')).toBe(kept);
      const made = await stat(kept);
      expect([made.mode & 0o777, made.uid]).toEqual([0o700, (await stat(join(folder, 'postgres'))).uid]);
      const outcome = await startProcess(folder, 'script').outcome;
      expect(outcome).toEqual({ url: first.config.databaseUrl });
      await first.stop();
      // As after a reboot.
      await rm(kept, { recursive: true });
      const second = await provide('script', folder);
      expect(second.config).toEqual(first.config);
      expect(await query(second.config.databaseUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });

    test.runIf(isRoot)('never uses a folder that belongs to another user (FLT-27)', async () => {
      const folder = deep();
      await (await provide('script', folder)).stop();
      const note = join(folder, 'postgres-socket-folder');
      const kept = (await readFile(note, 'utf8')).trim();
      leftovers.push(() => rm(kept, { recursive: true, force: true }));
      await chown(kept, 65_534, 65_534);
      await provide('script', folder);
      const next = (await readFile(note, 'utf8')).trim();
      leftovers.push(() => rm(next, { recursive: true, force: true }));
      expect(next).not.toBe(kept);
      expect((await stat(next)).uid).toBe((await stat(join(folder, 'postgres'))).uid);
    });
  });

  test('ignores PG* variables (FLT-27)', async () => {
    const names = PG_VARIABLES.filter((name) => !(name in process.env));
    for (const name of names) process.env[name] = 'nonsense';
    try {
      const provided = await provide('app');
      expect(await query(provided.config.databaseUrl, 'SHOW TimeZone')).toEqual([{ TimeZone: 'UTC' }]);
      await provided.stop();
    } finally {
      for (const name of names) delete process.env[name];
    }
  });

  test('starts although the process id of a crashed server now belongs to another program (FLT-27)', async () => {
    const cluster = join(dataDir, 'postgres');
    const { uid, gid } = await stat(cluster);
    const bystander = spawn('sleep', ['60'], { uid, gid });
    leftovers.push(async () => bystander.kill());
    await once(bystander, 'spawn');
    await writeFile(
      join(cluster, 'postmaster.pid'),
      `${bystander.pid}\n${cluster}\n1700000000\n1\n\n127.0.0.1\n  1 1\nready   \n`,
    );
    await writeFile(`${socket()}.lock`, `${bystander.pid}\n${cluster}\n1700000000\n5432\n`);
    const { config } = await provide('script');
    expect(await query(config.databaseUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(isAlive(bystander.pid ?? 0)).toBe(true);
  });

  describe.each([
    ['postmaster.pid', () => join(dataDir, 'postgres', 'postmaster.pid')],
    ['the lock file of its socket', () => `${socket()}.lock`],
  ])('%s', (_which, file) => {
    test.each([
      ['is empty', ''],
      ['is full of zeros', '\0'.repeat(90)],
      ['is garbage', 'no process\n'],
    ])('that %s is no obstacle after 10 s (FLT-27)', async (_how, text) => {
      await writeFile(file(), text);
      await utimes(file(), new Date(), new Date(Date.now() - 11_000));
      const { config } = await provide('script');
      expect(await query(config.databaseUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });

    test('that has been empty for a shorter time is an obstacle, and no server is started (FLT-27)', async () => {
      await writeFile(file(), '');
      const logged = (await stat(join(dataDir, 'postgres.log'))).size;
      const attempt = new AbortController();
      const starting = provideDatabase(parseSettings({ DATA_DIR: dataDir }), 'script', attempt.signal);
      setTimeout(() => attempt.abort(), 1000);
      await expect(starting).rejects.toThrow(
        `${file()} contains no process id, as after a power failure; it will be removed`,
      );
      expect((await stat(join(dataDir, 'postgres.log'))).size).toBe(logged);
      expect(await readFile(file(), 'utf8')).toBe('');
      await rm(file());
    });
  });

  describe('whose postmaster.pid cannot be read', () => {
    test.runIf(process.platform === 'linux').each([
      ['EIO', '/proc/self/mem'],
      ['ELOOP', 'postmaster.pid'],
    ])(
      'because of %s is not started and its lock file is not removed; it is found once the file can be read (FLT-27)',
      async (code, target) => {
        const killed = startProcess(dataDir, 'app');
        const { url: address } = await killed.outcome;
        await killed.kill();
        const server = await postmaster();
        const text = await readFile(lockFile(), 'utf8');
        const logged = (await stat(join(dataDir, 'postgres.log'))).size;
        await replaceLockFileBy(target);
        const attempt = new AbortController();
        const starting = provideDatabase(parseSettings({ DATA_DIR: dataDir }), 'script', attempt.signal);
        setTimeout(() => attempt.abort(), 1000);
        await expect(starting).rejects.toThrow(
          `PostgreSQL accepts no connections: ${lockFile()} cannot be read (${code}); see`,
        );
        expect(await readlink(lockFile())).toBe(target);
        expect((await stat(join(dataDir, 'postgres.log'))).size).toBe(logged);
        const next = provide('app');
        await writeFile(`${lockFile()}.kept`, text);
        await rename(`${lockFile()}.kept`, lockFile());
        expect((await next).config.databaseUrl).toBe(address);
        expect(await postmaster()).toEqual(server);
      },
    );

    test.runIf(process.platform === 'linux')('during its shutdown is waited for (FLT-27)', async () => {
      const provided = await provide('app');
      const pid = (await postmaster())?.pid ?? 0;
      await suspend(pid);
      const stopping = provided.stop();
      const isOver = vi.fn<() => void>();
      void stopping.then(isOver, isOver);
      // SIGINT, the second bit, is pending.
      await until(async () => /^ShdPnd:\s*[\da-f]*[2367abef]$/m.test(await readFile(`/proc/${pid}/status`, 'utf8')));
      await replaceLockFileBy('postmaster.pid');
      await pause(100);
      expect(isOver).not.toHaveBeenCalled();
      process.kill(pid, 'SIGCONT');
      await stopping;
      // The server removes its lock file and ends a moment later.
      await expect.poll(() => isAlive(pid)).toBe(false);
    });
  });

  test.runIf(process.platform === 'linux')(
    'does not start while a process of a killed server still uses its data (FLT-27)',
    async () => {
      const killed = startProcess(dataDir, 'script');
      const { url: address = '' } = await killed.outcome;
      const server = await postmaster();
      const client = new Client({ connectionString: address });
      client.on('error', () => {});
      await client.connect();
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const backend = rows[0]?.pid ?? 0;
      await suspend(backend);
      await killed.kill();
      process.kill(server?.pid ?? 0, 'SIGKILL');
      const file = join(dataDir, 'postgres', 'postmaster.pid');
      await writeFile(file, '');
      await utimes(file, new Date(), new Date(Date.now() - 11_000));
      const attempt = new AbortController();
      const starting = provideDatabase(parseSettings({ DATA_DIR: dataDir }), 'script', attempt.signal);
      setTimeout(() => attempt.abort(), 500);
      await expect(starting).rejects.toThrow(`process ${backend} is a postgres of this folder: end that process`);
      process.kill(backend, 'SIGKILL');
      const { config } = await provide('script');
      expect(await query(config.databaseUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    },
  );

  test("reports the server's log when the server cannot start", async () => {
    const settings = join(dataDir, 'postgres', 'postgresql.auto.conf');
    await writeFile(settings, "shared_buffers = 'plenty'\n");
    await expect(provide('app')).rejects.toThrow(
      /PostgreSQL does not start; .*invalid value for parameter "shared_buffers"/s,
    );
    await writeFile(settings, '');
  });

  test.each(['database-password', 'master-secret'])('never replaces a lost %s (FLT-27)', async (name) => {
    const file = join(dataDir, name);
    await rename(file, `${file}.lost`);
    await expect(provide('app')).rejects.toThrow(`${file} is missing: restore it`);
    expect(await namesIn(dataDir)).not.toContain(name);
    expect(await postmaster()).toBeUndefined();
    await rename(`${file}.lost`, file);
  });

  describe('whose cluster is lost while its secrets exist', () => {
    const secrets = ['database-password', 'database-superuser-password', 'master-secret'];
    let folder: string;
    let kept: string;

    beforeEach(async () => {
      folder = await mkdtemp(join(temporary, 'lost-'));
      await chmod(folder, 0o711);
      kept = `${folder}-kept`;
      const first = await provide('script', folder);
      await query(first.config.databaseUrl, 'CREATE TABLE kept AS SELECT 42 AS value');
      await first.stop();
    });

    test.each([
      ['is missing', async () => {}],
      ['is empty, as a file system that is not mounted', (path: string) => mkdir(path)],
    ])(
      'is not replaced by an empty one when its folder %s, and serves again after a restore (FLT-27)',
      async (_how, make) => {
        // Earlier versions did not create this file.
        await rm(join(folder, 'postgres-made'));
        await (await provide('script', folder)).stop();
        await rename(join(folder, 'postgres'), kept);
        await make(join(folder, 'postgres'));
        await rm(join(folder, 'master-secret'));
        const before = await namesIn(folder);
        await expect(provide('app', folder)).rejects.toThrow(
          `${join(folder, 'postgres')} no longer contains a database, but its secrets still exist: restore that folder`,
        );
        expect(await namesIn(folder)).toEqual(before);
        await rm(join(folder, 'postgres'), { recursive: true, force: true });
        await rename(kept, join(folder, 'postgres'));
        const restored = await provideDatabase(
          parseSettings({ DATA_DIR: folder, MASTER_SECRET: 'k4Xz0Qw8-Yt2Lr6Vn1Bm5Ju9Hd3Fs7Gp_' }),
          'script',
        );
        leftovers.push(() => restored.stop());
        expect(await query(restored.config.databaseUrl, 'SELECT value FROM kept')).toEqual([{ value: 42 }]);
      },
    );

    test.each([
      ['a foreign file', 'lost+found'],
      ['all but PG_VERSION', undefined],
    ])(
      'but whose folder contains %s is refused, and nothing is created or removed (FLT-27)',
      async (_what, foreign) => {
        const cluster = join(folder, 'postgres');
        if (foreign === undefined) await rm(join(cluster, 'PG_VERSION'));
        else {
          await rm(cluster, { recursive: true });
          await mkdir(join(cluster, foreign), { recursive: true });
        }
        const before = await namesIn(folder);
        const said = `${cluster} has content, but no database that can be started (PG_VERSION is missing)`;
        await expect(provide('app', folder)).rejects.toThrow(said);
        for (const name of ['postgres-made', ...secrets]) await rm(join(folder, name));
        await expect(provide('app', folder)).rejects.toThrow(said);
        expect((await namesIn(folder)).filter((name) => before.includes(name))).toContain('postgres');
        await rename(cluster, `${folder}-away`);
        const { config } = await provide('app', folder);
        expect(await query(config.databaseUrl, "SELECT to_regclass('kept') AS kept")).toEqual([{ kept: null }]);
      },
    );

    test('is created empty after the secrets were removed, as the message says (FLT-27)', async () => {
      await rm(join(folder, 'postgres'), { recursive: true });
      const refused = await provide('app', folder).catch(String);
      const named = /with an empty database, remove (.*)$/.exec(refused as string)?.[1]?.split(', ') ?? [];
      expect(named.toSorted()).toEqual(secrets.map((name) => join(folder, name)));
      for (const file of named) await rm(file);
      const { config } = await provide('app', folder);
      expect(await query(config.databaseUrl, "SELECT to_regclass('kept') AS kept")).toEqual([{ kept: null }]);
    });

    test('is created empty also after the start that did so was killed (FLT-27)', async () => {
      for (const name of ['postgres', ...secrets]) await rm(join(folder, name), { recursive: true });
      const killed = startProcess(folder, 'app');
      await until(async () => (await scratchFolders(folder)).length > 0);
      await killed.kill();
      expect(await namesIn(folder)).toEqual(expect.arrayContaining(['master-secret']));
      expect(await namesIn(folder)).not.toContain('postgres');
      const { config } = await provide('app', folder);
      expect(await query(config.databaseUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });
  });

  test
    .runIf(process.platform === 'linux')
    .each([
      '/proc/gatehouse',
      '/proc/1/gatehouse/data',
      '/proc/self/fd',
      '/sys/gatehouse/data',
      '/dev/null/data',
      '/dev/full',
    ])('is refused at once in %s, where nothing can be stored', async (folder) => {
    const { refused } = await startProcess(folder, 'app').outcome;
    expect(refused).toMatch(
      /^(DATA_DIR \/.* cannot be used|\/proc\/.*\/master-secret cannot be written) by this user \(E[A-Z]+\)/,
    );
  });

  test.runIf(isRoot)("reports the folder that the server's user may not enter", async () => {
    const closed = join(temporary, 'closed');
    await provide('script', join(closed, 'data')).then((made) => made.stop());
    await chmod(closed, 0o700);
    await expect(provide('script', join(closed, 'data'))).rejects.toThrow(
      `may not enter ${closed}. Allow it (chmod o+x`,
    );
    expect(await namesIn(join(closed, 'data'))).toContain('postgres');
    await expect(provide('script', join(closed, 'other'))).rejects.toThrow(`may not enter ${closed}`);
    expect(await namesIn(closed)).toEqual(['data']);
  });
});

test('with a DATABASE_URL no embedded server is started', async () => {
  const databaseUrl = 'postgresql://somebody:secret@127.0.0.1:1/nowhere';
  const secret = 'k4Xz0Qw8-Yt2Lr6Vn1Bm5Ju9Hd3Fs7Gp_';
  const unused = join(temporary, 'unused');
  const settings = parseSettings({ DATABASE_URL: databaseUrl, MASTER_SECRET: secret, DATA_DIR: unused });
  const database = await provideDatabase(settings, 'app');
  expect(database.config).toEqual({ ...settings, databaseDirectUrl: databaseUrl });
  await database.stop();
  await expect(stat(unused)).rejects.toThrow('ENOENT');
});
