import { randomUUID } from 'node:crypto';
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv, promisify } from 'node:util';
import { expect, onTestFinished } from 'vitest';
import { Client } from './client.js';
import { PrintedBlocks } from './printed-blocks.js';
import { freePort, MASTER_SECRET, startMain, waitForExit, type Program } from './processes.js';
import { BINARIES, ReplicatedPostgres, SYSTEM_USER } from './replicated-postgres.js';

// Their folder is not always in PATH.
const HAPROXY = ['haproxy', '/usr/sbin/haproxy'].find((program) => spawnSync(program, ['-v']).status === 0);
const PGBOUNCER = ['pgbouncer', '/usr/sbin/pgbouncer'].find((program) => spawnSync(program, ['-V']).status === 0);
/** Whether everything is installed. 127.0.0.5 and others are IP addresses of this machine on Linux only. */
export const CAN_RUN =
  process.platform === 'linux' && HAPROXY !== undefined && PGBOUNCER !== undefined && BINARIES !== undefined;

/** The nodes of the document, by their names in HAProxy's configuration. */
export const ADDRESSES = { one: '127.0.0.11', two: '127.0.0.12', three: '127.0.0.13', four: '127.0.0.14' } as const;
export type NodeName = keyof typeof ADDRESSES;
const PROXY_ADDRESS = '127.0.0.5';

const REPLICATION_PASSWORD = randomUUID();

/** HAProxy, PgBouncer, two PostgreSQL servers and up to four nodes, as docs/operations.md has them ("Several nodes"). */
export class SeveralNodes {
  readonly nodes = new Map<NodeName, Program>();
  #proxyLog = '';

  private constructor(
    readonly blocks: PrintedBlocks,
    private readonly roleBlocks: PrintedBlocks,
    private readonly folder: string,
    private readonly ports: ReadonlyMap<string, number>,
    readonly pgOne: ReplicatedPostgres,
    readonly pgTwo: ReplicatedPostgres,
  ) {}

  /** Starts all but the nodes, and migrates; everything ends with the test. */
  static async start(): Promise<SeveralNodes> {
    const folder = newFolder();
    const ports = new Map<string, number>();
    for (const printed of ['8080', '3000', '5432', '6432']) ports.set(printed, await freePort());
    const adapt = adaptation(folder, ports);
    const common = { folder, port: ports.get('5432') ?? 0, replicationPassword: REPLICATION_PASSWORD };
    const all = new SeveralNodes(
      new PrintedBlocks('docs/operations.md', 'Several nodes', adapt),
      new PrintedBlocks('docs/operations.md', 'A PostgreSQL of your own', adapt),
      folder,
      ports,
      new ReplicatedPostgres({ ...common, name: 'pg_one' }),
      new ReplicatedPostgres({ ...common, name: 'pg_two' }),
    );
    await all.#setUp();
    return all;
  }

  /** A client of HAProxy. */
  get url(): string {
    return `http://${PROXY_ADDRESS}:${this.#port('8080')}`;
  }

  /** The lines of HAProxy's log about HTTP requests. */
  get requestLines(): string[] {
    return this.#proxyLog.split('\n').filter((line) => line.includes(' public '));
  }

  urlOf(name: NodeName): string {
    return `http://${ADDRESSES[name]}:${this.#port('3000')}`;
  }

  /** Starts a node with the printed settings; resolves once it is ready. */
  async startNode(name: NodeName): Promise<void> {
    const printed = parseEnv(this.blocks.take('ini', 'DATABASE_DIRECT_URL=')) as Record<string, string>;
    const environment = { HOST: ADDRESSES[name], PORT: String(this.#port('3000')), WORKERS: '1' };
    // Limits are counted, and refuse nobody: all clients have one IP address here.
    const forTests = { RATE_LIMITS: 'dry-run', LOG_LEVEL: 'error', HASH_QUEUE_MILLISECONDS: '60000' };
    this.nodes.set(name, startMain({ ...printed, ...environment, ...forTests }));
    await this.waitUntil(name, 'ready');
  }

  async waitUntil(name: NodeName, probe: 'ready' | 'serving'): Promise<void> {
    const client = new Client(this.urlOf(name));
    const ask = async () => (await client.call('GET', `/health/${probe}`).catch(() => undefined))?.status;
    await expect.poll(ask, { timeout: 60_000 }).toBe(200);
  }

  /** Resolves once HAProxy has a node for requests that need the database. */
  async waitUntilProxied(): Promise<void> {
    const client = new Client(this.url);
    const ask = async () => (await client.call('GET', '/v1/users/me').catch(() => undefined))?.status;
    await expect.poll(ask, { timeout: 20_000 }).toBe(401);
  }

  killNode(name: NodeName): void {
    this.nodes.get(name)?.process.kill('SIGKILL');
    this.nodes.delete(name);
  }

  /** Ends it by SIGTERM. @returns its exit code */
  async stopNode(name: NodeName): Promise<number | null> {
    const program = this.nodes.get(name) as Program;
    const exit = waitForExit(program);
    program.process.kill('SIGTERM');
    this.nodes.delete(name);
    return exit;
  }

  /** Makes a standby of the other server and waits for it with each commit, by the printed commands. */
  async addStandby(standby: ReplicatedPostgres, primary: ReplicatedPostgres): Promise<void> {
    const printed = this.blocks.take('bash', 'pg_basebackup');
    const isPrinted = standby === this.pgTwo;
    await standby.run(isPrinted ? printed : printed.replace(/PRIMARY=.+/, this.#variablesForPgOne()));
    await standby.start();
    await primary.waitForStandby('async');
    expect(await primary.run(this.blocks.take('bash', 'pg_stat_replication'))).toContain('streaming');
    await primary.waitForStandby('quorum');
  }

  async #setUp(): Promise<void> {
    const { blocks, pgOne, pgTwo } = this;
    await pgOne.create(blocks.take('ini', 'listen_addresses'), blocks.take('text', 'haproxy_check'));
    await pgOne.start();
    await this.#runSql(blocks.take('sql', 'CREATE DATABASE'), 'postgres');
    await this.addStandby(pgTwo, pgOne);
    const proxy = this.#start(HAPROXY, '-db', '-f', this.#write('haproxy.cfg', blocks.take('haproxy', 'backend')));
    proxy.stdout?.setEncoding('utf8').on('data', (lines: string) => (this.#proxyLog += lines));
    await this.#migrate();
    await this.#runSql(this.roleBlocks.take('sql', 'CREATE ROLE gatehouse_app'), 'gatehouse');
    await this.#runSql(blocks.take('sql', 'statement_timeout'), 'postgres');
    await pgOne.run(blocks.take('bash', 'userlist.txt'));
    this.#start(PGBOUNCER, this.#write('pgbouncer.ini', blocks.take('ini', '[pgbouncer]')));
  }

  /** Step 6 prints them in its text. */
  #variablesForPgOne(): string {
    const [variables] = /PRIMARY=\S+ NAME=pg_one ADDRESS=[\d.]+/.exec(this.blocks.text()) ?? [];
    if (variables === undefined) throw new Error('the variables for pg_one are not printed');
    return variables;
  }

  /** On a node, whose settings are in `.env` before. */
  async #migrate(): Promise<void> {
    const script = this.blocks.take('bash', 'npm run db:migrate');
    const printed = parseEnv(this.blocks.take('ini', 'DATABASE_DIRECT_URL='));
    const running = promisify(execFile)('bash', ['-euc', script], {
      env: { ...process.env, ...printed, MASTER_SECRET },
    });
    expect((await running).stdout).toContain('Applied');
  }

  async #runSql(printed: string, database: string): Promise<void> {
    for (const statement of printed.trim().split('\n')) await this.pgOne.query(statement, database);
  }

  #write(name: string, text: string): string {
    const file = join(this.folder, name);
    writeFileSync(file, text);
    return file;
  }

  /** Starts HAProxy or PgBouncer in the foreground. */
  #start(program: string | undefined, ...parameters: string[]): ChildProcess {
    const child = spawn(program ?? '', parameters, { stdio: ['ignore', 'pipe', 'ignore'], ...SYSTEM_USER });
    child.stdout?.resume();
    onTestFinished(() => void child.kill('SIGKILL'));
    return child;
  }

  #port(printed: string): number {
    return this.ports.get(printed) ?? 0;
  }
}

/** Of the system user, who runs all but the nodes. */
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-nodes-'));
  if (SYSTEM_USER) chownSync(folder, SYSTEM_USER.uid, SYSTEM_USER.gid);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Puts IP addresses and free ports of this machine, files of the test and secrets into a printed text. */
function adaptation(folder: string, ports: ReadonlyMap<string, number>): (text: string) => string {
  const secrets = { OWNER_PASSWORD: randomUUID(), APP_PASSWORD: randomUUID() };
  const replaced: Readonly<Record<string, string>> = {
    ...secrets,
    REPLICATION_PASSWORD,
    '=SECRET': `=${MASTER_SECRET}`,
    'choose one': secrets.APP_PASSWORD,
    '10.0.0.': '127.0.0.',
    '/etc/pgbouncer/': `${folder}/`,
  };
  return (text) => {
    const named = Object.entries(replaced).reduce((sum, [from, to]) => sum.replaceAll(from, to), text);
    return named.replaceAll(/\b(?:8080|3000|5432|6432)\b/g, (port) => String(ports.get(port)));
  };
}
