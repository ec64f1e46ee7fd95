import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import type { SchemaEngine } from '@prisma/schema-engine-wasm';
import { migratedTables } from '../config/prisma-cli-environment.js';
import { TerminationSignals } from '../config/termination-signals.js';
import { withStartupLock } from './startup-lock.js';
import { createDatabase } from './create-database.js';
import { openConnection } from './open-connection.js';
import { holdEngineLock } from './prisma-cli-engine-lock.js';
import { requireOwnSchema, requireResettable } from './prisma-project-schema.check.js';
import { dropScratchDatabases, openSchemaEngine } from './prisma-schema-engine.js';
import { resetSchema } from './reset-schema.js';

/**
 * The schema engine that the Prisma CLI starts: line-delimited JSON-RPC on stdin and stdout, or one command after
 * `cli`. `.config/prisma.ts`, and in a project `prisma-project-config.ts`, name it in `PRISMA_SCHEMA_ENGINE_BINARY`.
 */
interface RpcCall {
  readonly id: number;
  readonly method: string;
  readonly params: unknown;
}

type Method = (params: unknown) => Promise<unknown>;

/** The CLI's method names that differ from the engine's. */
const ENGINE_METHOD_NAMES: Readonly<Record<string, string>> = { getDatabaseVersion: 'version' };

/** Prisma's codes for connection errors of PostgreSQL and of the network. */
const CONNECTION_CODES: Readonly<Record<string, string>> = {
  '28P01': 'P1000',
  ECONNREFUSED: 'P1001',
  ENOTFOUND: 'P1001',
  '3D000': 'P1003',
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    datasource: { type: 'string', default: '{}' },
    datamodels: { type: 'string', multiple: true },
    'enabled-preview-features': { type: 'string' },
    'extension-types': { type: 'string' },
  },
});
const { url = '' } = JSON.parse(values.datasource) as { url?: string };
const database = {
  databaseUrl: url,
  databaseDirectUrl: url,
  databaseConnectionTimeoutMs: 5000,
  databaseStatementTimeoutMs: 5000,
  // Behind a reset that waits for the users, whom a foreign key names, every login waits.
  databaseLockTimeoutMs: 2000,
};

// Ctrl-C goes to the whole process group: the end of the CLI, which closes stdin, ends this process in order.
TerminationSignals.ignore();
process.stdout.on('error', () => undefined);

if (positionals[0] === 'cli') await runCommand(positionals[1]);
else await serveJsonRpc();
process.exit();

async function serveJsonRpc(): Promise<void> {
  let engine: Promise<SchemaEngine> | undefined;
  const lines = createInterface({ input: process.stdin });
  // Also while a call is under way: the CLI was interrupted, and nothing is to be migrated later.
  const ended = once(lines, 'close').then(dropScratchDatabases);
  void ended.then(() => process.exit());
  for await (const line of lines) {
    const call = JSON.parse(line) as RpcCall;
    const answer = await callEngine(call, () => (engine ??= openEngine())).then(
      (result) => ({ result: result ?? null }),
      (error: unknown) => ({ error: rpcError(error) }),
    );
    process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id: call.id, ...answer })}\n`);
  }
  await ended;
}

async function openEngine(): Promise<SchemaEngine> {
  // A call says why there is no connection.
  await holdEngineLock(url).catch(() => undefined);
  const texts = (values.datamodels ?? []).map(async (path) => [path, await readFile(path, 'utf8')] as const);
  return openSchemaEngine(url, await Promise.all(texts));
}

async function callEngine({ method, params }: RpcCall, open: () => Promise<SchemaEngine>): Promise<unknown> {
  if (method === 'createDatabase') return createDatabase(url);
  const tables = migratedTables();
  if (tables !== 'checkout') {
    requireOwnSchema(method, url, tables?.project);
    // The engine would drop every schema that the Prisma schema names, external tables included.
    if (method === 'reset') return resetProject();
  }
  const engine = await open();
  const found: unknown = Reflect.get(engine, ENGINE_METHOD_NAMES[method] ?? method);
  if (typeof found !== 'function') throw new Error(`The schema engine has no method ${method}`);
  const apply = (): Promise<unknown> => (found as Method).call(engine, params);
  return method === 'applyMigrations' ? withStartupLock(database, apply) : apply();
}

async function resetProject(): Promise<null> {
  await requireResettable(url);
  await resetSchema(database);
  return null;
}

function rpcError(error: unknown): object {
  const { message, code, meta } = error as { message: string; code?: string; meta?: unknown };
  const data = { is_panic: false, message, meta: meta ?? {}, error_code: code };
  return { code: 4466, message: 'An error happened. Check the data field for details.', data };
}

async function runCommand(name: string | undefined): Promise<void> {
  try {
    if (name === 'create-database') await createDatabase(url);
    else if (name === 'can-connect-to-database') await checkConnection();
    else throw new Error(`The schema engine has no command ${name}`);
  } catch (error) {
    writeErrorLog(error as Error & { code?: string });
    process.exitCode = 1;
  }
}

async function checkConnection(): Promise<void> {
  const client = await openConnection({ url, isPooled: false }, { connectionTimeoutMillis: 5000 });
  await client.end();
}

/** The CLI skips the first line and parses the others as log lines. */
function writeErrorLog({ message, code = '' }: Error & { code?: string }): void {
  const fields = { message, error_code: CONNECTION_CODES[code] ?? 'P1011' };
  process.stderr.write(`\n${JSON.stringify({ level: 'ERROR', target: 'schema_engine::logger', fields })}\n`);
}
