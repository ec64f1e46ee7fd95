import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { parseSettings } from '../dist/config/read-settings.js';
import { provideDatabase } from '../dist/database/provide-database.js';
import { ensureMigrated } from '../dist/database/run-migrations.js';
import { installPackages } from './install-packages.ts';
import { bearer, Load, openLoad, type Amount, type Driven, type RequestSource } from './load-generator.ts';
import {
  pinToCore,
  startProcess,
  startProductNode,
  type Environment,
  type MeasuredServer,
  type ProductNode,
  type Server,
} from './server-processes.ts';
import { ISSUER, JWT_SECRET } from './tokens.ts';

export type { Environment, MeasuredServer, ProductNode, Server } from './server-processes.ts';
export { quantile, range } from './statistics.ts';

/** How much is measured; a scenario may use less. */
export interface Effort {
  /** Processes of each server, one after the other: two processes of the same code differ for their whole life. */
  readonly processes: number;
  /** Measurements of each process. */
  readonly rounds: number;
  readonly seconds: number;
  /** Requests per second offered while CPU time is measured. */
  readonly rate: number;
}

/** A PostgreSQL for the run, and the means to start servers on it. */
export interface Bench {
  /** The database that the folder or the address of the options has, not migrated. */
  readonly databaseUrl: string;
  /** Brings a database up to date. */
  migrate(databaseUrl: string): Promise<void>;
  /** Creates a migrated database. */
  createDatabase(): Promise<string>;
  /** Starts the application. @param stdout the file for its log, instead of the terminal */
  startServer(databaseUrl: string, environment?: Environment, stdout?: string): Promise<Server>;
  /** Starts the product as it is shipped (`dist/main.js`), which may be several processes. */
  startNode(databaseUrl: string, options?: NodeOptions): Promise<ProductNode>;
  /**
   * Starts a server of `peers/`, and first installs their packages if necessary.
   * @param argument is specific to the peer
   */
  startPeer(peer: string, given?: object, argument?: string): Promise<Server>;
  query<Row extends pg.QueryResultRow>(databaseUrl: string, sql: string, values?: unknown[]): Promise<Row[]>;
}

export interface NodeOptions {
  readonly environment?: Environment;
  /** As `taskset -c` takes them: by default `0`; `0,1` includes the core of the generator. */
  readonly cores?: string;
  /** The file for its log, instead of the terminal. */
  readonly stdout?: string;
}

export interface BenchOptions {
  /** An empty PostgreSQL of the scenario's own, instead of the one in the package. */
  readonly databaseUrl?: string;
  /** Where the PostgreSQL in the package keeps its data, and where they stay; by default a folder that is deleted. */
  readonly dataDirectory?: string;
}

/** Runs the work, then stops every server and the database. The load generator and PostgreSQL share core 1. */
export async function withBench<Made = void>(
  work: (bench: Bench) => Promise<Made>,
  options: BenchOptions = {},
): Promise<Made> {
  const folder = options.dataDirectory ?? mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  if (options.dataDirectory === undefined) chmodSync(folder, 0o711);
  pinToCore(process.pid, 1);
  const given = options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl };
  const database = await provideDatabase(parseSettings({ DATA_DIR: folder, ...given }), 'script');
  const secret = randomBytes(32).toString('base64url');
  const servers: MeasuredServer[] = [];
  const started = <Started extends MeasuredServer>(server: Started): Started => {
    servers.push(server);
    return server;
  };
  // All requests come from one address.
  const environmentOf = (databaseUrl: string, environment: Environment): Environment => ({
    DATABASE_URL: databaseUrl,
    MASTER_SECRET: secret,
    RATE_LIMITS: 'off',
    LOG_LEVEL: 'warn',
    ...environment,
  });
  const migrate = async (databaseUrl: string): Promise<void> => {
    await ensureMigrated({ ...database.config, databaseUrl, databaseDirectUrl: databaseUrl }, { migrate: true });
  };
  try {
    return await work({
      query,
      migrate,
      databaseUrl: database.config.databaseUrl,
      async createDatabase() {
        const url = new URL(database.config.databaseUrl);
        url.pathname = `/bench_${randomBytes(6).toString('hex')}`;
        await query(database.config.databaseUrl, `CREATE DATABASE ${url.pathname.slice(1)}`);
        await migrate(url.href);
        return url.href;
      },
      async startServer(databaseUrl, environment = {}, stdout) {
        const settings = JSON.stringify(environmentOf(databaseUrl, environment));
        return started(await startProcess('bench/gatehouse-server.ts', [settings], stdout));
      },
      async startNode(databaseUrl, { environment = {}, cores = '0', stdout } = {}) {
        return started(await startProductNode(environmentOf(databaseUrl, environment), cores, stdout));
      },
      async startPeer(peer, forPeer = {}, argument = '') {
        installPackages('bench/peers');
        const shared = { secret: JWT_SECRET, issuer: ISSUER, audience: ISSUER, ...forPeer };
        return started(await startProcess(`bench/peers/${peer}.ts`, [JSON.stringify(shared), argument]));
      },
    });
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await database.stop();
    if (options.dataDirectory === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

/** CPU microseconds of the server per request at the offered rate. */
export async function cpuPerRequest(
  server: MeasuredServer,
  path: string,
  token: string,
  effort: Effort,
): Promise<number> {
  const { seconds, rate } = effort;
  return (await cpuUnderLoad(server, new Load(server.url + path, [bearer(token)]), { seconds, rate })).cpuMicroseconds;
}

/** Sends the load and measures the server's CPU time per answer, without opening and closing the connections. */
export async function cpuUnderLoad(
  server: MeasuredServer,
  load: RequestSource,
  amount: Amount,
): Promise<Driven & { readonly cpuMicroseconds: number }> {
  const opened = await openLoad(load, server.placement);
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
