import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { parseSettings } from '../dist/config/read-settings.js';
import { provideDatabase } from '../dist/database/provide-database.js';
import { ensureMigrated } from '../dist/database/run-migrations.js';
import { bearer, Load, openLoad, type Amount, type Driven } from './load-generator.ts';
import { ISSUER, JWT_SECRET } from './tokens.ts';

export { quantile, range } from './statistics.ts';

export type Environment = Readonly<Record<string, string>>;

/** How much is measured; a scenario may use less. */
export interface Effort {
  readonly rounds: number;
  readonly seconds: number;
  /** Requests per second offered while CPU time is measured. */
  readonly rate: number;
}

/** A server in its own process on core 0, with access to its resource usage. */
export interface Server {
  readonly url: string;
  /** User and system time so far, in microseconds. */
  cpu(): Promise<number>;
  /** Bytes of the heap in use after a collection. */
  heap(): Promise<number>;
  /** Number of live revocations in its memory. */
  revocations(): Promise<number>;
  /** Sends any other request that the server's process answers. */
  ask<Answer>(question: string, given?: unknown): Promise<Answer>;
  stop(): Promise<void>;
}

/** A PostgreSQL for the run, and the means to start servers on it. */
export interface Bench {
  /** Creates a migrated database. */
  createDatabase(): Promise<string>;
  /** Starts the application. @param stdout the file for its log, instead of the terminal */
  startServer(databaseUrl: string, environment?: Environment, stdout?: string): Promise<Server>;
  /**
   * Starts a server of `peers/`, and first installs their packages if necessary.
   * @param argument is specific to the peer
   */
  startPeer(peer: string, given?: object, argument?: string): Promise<Server>;
  query<Row extends pg.QueryResultRow>(databaseUrl: string, sql: string, values?: unknown[]): Promise<Row[]>;
}

/** Runs the work, then stops every server and the database. The load generator and PostgreSQL share core 1. */
export async function withBench<Made = void>(work: (bench: Bench) => Promise<Made>): Promise<Made> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  chmodSync(folder, 0o711);
  pinToCore(process.pid, 1);
  const database = await provideDatabase(parseSettings({ DATA_DIR: folder }), 'script');
  const secret = randomBytes(32).toString('base64url');
  const servers: Server[] = [];
  const started = (server: Server): Server => {
    servers.push(server);
    return server;
  };
  try {
    return await work({
      query,
      async createDatabase() {
        const url = new URL(database.config.databaseUrl);
        url.pathname = `/bench_${randomBytes(6).toString('hex')}`;
        await query(database.config.databaseUrl, `CREATE DATABASE ${url.pathname.slice(1)}`);
        const urls = { databaseUrl: url.href, databaseDirectUrl: url.href };
        await ensureMigrated({ ...database.config, ...urls }, { migrate: true });
        return url.href;
      },
      async startServer(databaseUrl, environment = {}, stdout) {
        // All requests come from one address.
        const unlimited = { RATE_LIMITS: 'off', LOG_LEVEL: 'warn' };
        const given = { DATABASE_URL: databaseUrl, MASTER_SECRET: secret, ...unlimited, ...environment };
        return started(await startProcess('bench/gatehouse-server.ts', [JSON.stringify(given)], stdout));
      },
      async startPeer(peer, given = {}, argument = '') {
        installPackages('bench/peers');
        const shared = { secret: JWT_SECRET, issuer: ISSUER, audience: ISSUER, ...given };
        return started(await startProcess(`bench/peers/${peer}.ts`, [JSON.stringify(shared), argument]));
      },
    });
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await database.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startProcess(file: string, args: readonly string[], stdout?: string): Promise<Server> {
  const log = stdout === undefined ? 'inherit' : openSync(stdout, 'a');
  const child = fork(file, args, {
    execArgv: ['--disable-warning=ExperimentalWarning', '--expose-gc'],
    stdio: ['ignore', log, 'inherit', 'ipc'],
  });
  if (typeof log === 'number') closeSync(log);
  const exited = once(child, 'exit');
  const url = await answerOf<string>(child, exited);
  pinToCore(child.pid ?? 0, 0);
  const ask = <Answer>(question: string, given?: unknown): Promise<Answer> => {
    const answer = answerOf<Answer>(child, exited);
    child.send({ question, given });
    return answer;
  };
  return {
    url,
    ask,
    cpu: () => ask('cpu'),
    heap: () => ask('heap'),
    revocations: () => ask('revocations'),
    async stop() {
      if (child.connected) child.send({ question: 'stop' });
      await exited;
    },
  };
}

async function answerOf<Answer>(child: ChildProcess, exited: Promise<unknown>): Promise<Answer> {
  const [message] = (await Promise.race([once(child, 'message'), exited])) as [{ answer: Answer } | number | null];
  if (typeof message !== 'object' || message === null) throw new Error('A server ended; its output above says why.');
  return message.answer;
}

/** Installs the packages of `peers/` or `charts/`, once for each state of their lock file. */
export function installPackages(folder: 'bench/peers' | 'bench/charts'): void {
  const lock = createHash('sha256')
    .update(readFileSync(`${folder}/package-lock.json`))
    .digest('hex');
  const marker = `${folder}/node_modules/.installed-lock`;
  if (existsSync(marker) && readFileSync(marker, 'utf8') === lock) return;
  console.log(`Installing ${folder}, once ...`);
  execFileSync('npm', ['ci', '--prefix', folder, '--no-audit', '--no-fund'], { stdio: ['ignore', 2, 2] });
  writeFileSync(marker, lock);
}

/** CPU microseconds of the server per request at the offered rate. */
export async function cpuPerRequest(server: Server, path: string, token: string, effort: Effort): Promise<number> {
  const { seconds, rate } = effort;
  return (await cpuUnderLoad(server, new Load(server.url + path, [bearer(token)]), { seconds, rate })).cpuMicroseconds;
}

/** Sends the load and measures the server's CPU time per answer, without opening and closing the connections. */
export async function cpuUnderLoad(
  server: Server,
  load: Load,
  amount: Amount,
): Promise<Driven & { readonly cpuMicroseconds: number }> {
  const opened = await openLoad(load);
  try {
    const before = await server.cpu();
    const driven = await opened.drive(amount);
    return { ...driven, cpuMicroseconds: ((await server.cpu()) - before) / driven.answered };
  } finally {
    opened.close();
  }
}

export async function post(url: string, json: unknown): Promise<Record<string, unknown>> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(json) });
  return (await response.json()) as Record<string, unknown>;
}

/** Registers a user, logs in and returns the access token. */
export async function signIn(url: string): Promise<string> {
  const email = `${randomBytes(8).toString('hex')}@example.com`;
  const credentials = { email, password: randomBytes(18).toString('base64url') };
  await post(`${url}/v1/auth/register`, credentials);
  return String((await post(`${url}/v1/auth/login`, credentials))['access_token']);
}

async function query<Row extends pg.QueryResultRow>(
  connectionString: string,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

function pinToCore(pid: number, core: number): void {
  try {
    execFileSync('taskset', ['-a', '-p', '-c', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    console.log(`The process is not pinned to core ${core}: taskset is missing or failed.`);
  }
}
