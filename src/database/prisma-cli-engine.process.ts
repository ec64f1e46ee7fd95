import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import type { SchemaEngine } from '@prisma/schema-engine-wasm';
import { START_LOCK, withAdvisoryLock } from './advisory-lock.js';
import { openClient } from './connection.js';
import { openSchemaEngine } from './prisma-schema-engine.js';
import { createDatabase } from './schema-reset.js';

/**
 * What the Prisma CLI expects of its engine: JSON-RPC in lines on stdin and stdout, or one command after `cli`. It is
 * named in `PRISMA_SCHEMA_ENGINE_BINARY` by `.config/prisma.ts`.
 */
interface Call {
  readonly id: number;
  readonly method: string;
  readonly params: unknown;
}

type Method = (params: unknown) => Promise<unknown>;

/** Where the CLI's name for a method is not the engine's. */
const RENAMED: Readonly<Record<string, string>> = { getDatabaseVersion: 'version' };

/** Prisma's codes for what PostgreSQL and the network answer to a connection. */
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
const urls = { databaseUrl: url, databaseDirectUrl: url, databaseConnectionTimeoutMs: 5000 };

if (positionals[0] === 'cli') await runCommand(positionals[1]);
else await serve();
process.exit();

async function serve(): Promise<void> {
  let engine: Promise<SchemaEngine> | undefined;
  for await (const line of createInterface({ input: process.stdin })) {
    const call = JSON.parse(line) as Call;
    const answer = await perform(call, () => (engine ??= openSchemaEngine(url))).then(
      (result) => ({ result: result ?? null }),
      (error: unknown) => ({ error: describe(error) }),
    );
    process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id: call.id, ...answer })}\n`);
  }
}

async function perform({ method, params }: Call, open: () => Promise<SchemaEngine>): Promise<unknown> {
  if (method === 'createDatabase') return createDatabase(url);
  const engine = await open();
  const found: unknown = Reflect.get(engine, RENAMED[method] ?? method);
  if (typeof found !== 'function') throw new Error(`${method} is not something this engine does`);
  const apply = (): Promise<unknown> => (found as Method).call(engine, params);
  return method === 'applyMigrations' ? withAdvisoryLock(urls, START_LOCK, apply) : apply();
}

function describe(error: unknown): object {
  const { message, code, meta } = error as { message: string; code?: string; meta?: unknown };
  const data = { is_panic: false, message, meta: meta ?? {}, error_code: code };
  return { code: 4466, message: 'An error happened. Check the data field for details.', data };
}

async function runCommand(name: string | undefined): Promise<void> {
  try {
    if (name === 'create-database') await createDatabase(url);
    else if (name === 'can-connect-to-database') await connect();
    else throw new Error(`${name} is not a command of this engine`);
  } catch (error) {
    report(error as Error & { code?: string });
    process.exitCode = 1;
  }
}

async function connect(): Promise<void> {
  const client = await openClient({ url, isPooled: false }, { connectionTimeoutMillis: 5000 });
  await client.end();
}

/** The CLI skips the first line and reads the rest as log lines. */
function report({ message, code = '' }: Error & { code?: string }): void {
  const fields = { message, error_code: CONNECTION_CODES[code] ?? 'P1011' };
  process.stderr.write(`\n${JSON.stringify({ level: 'ERROR', target: 'schema_engine::logger', fields })}\n`);
}
