import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { urlWithoutPassword, useSchemaEngine } from '../config/prisma-cli-environment.js';
import type { ProjectDatabase } from './prisma-project-database.process.js';

const DATABASE_PROCESS = fileURLToPath(new URL('./prisma-project-database.process.js', import.meta.url));
const SCHEMA_ENGINE = fileURLToPath(new URL('../../prisma/schema-engine', import.meta.url));

/** The commands of the Prisma CLI that use the database. */
const DATABASE_COMMANDS = new Set(['migrate', 'db', 'studio']);

export interface PrismaConfigOptions {
  /** The Prisma schema of the project, a file or a folder of `*.prisma` files. */
  readonly schema?: string;
  /** The folder of its migrations. */
  readonly migrations?: string;
  /** The PostgreSQL schema of its tables and of their history; another than that of Gatehouse. */
  readonly databaseSchema?: string;
  /** The command of `prisma db seed`. */
  readonly seed?: string;
}

/** A configuration of the Prisma CLI (`PrismaConfig` of `prisma/config`). */
export interface PrismaProjectConfig {
  schema: string;
  migrations: { path: string; seed?: string; initShadowDb?: string };
  experimental: { externalTables: true };
  tables?: { external: string[] };
  enums?: { external: string[] };
  datasource?: { url: string };
}

/**
 * The configuration of the Prisma CLI for the tables of a project beside those of Gatehouse, which it never changes: a history of its own, in a
 * schema of its own, and Gatehouse's schema engine, so that none is downloaded. For a command that uses the database, reads the settings, keeps
 * the embedded database up until the command has ended, and migrates the tables of Gatehouse first if a start would do so.
 * @throws {Error} whose message tells what to do, such as the command that migrates Gatehouse
 */
export async function prismaConfig({
  schema = 'prisma/schema.prisma',
  migrations = 'prisma/migrations',
  databaseSchema = 'app',
  seed,
}: PrismaConfigOptions = {}): Promise<PrismaProjectConfig> {
  const config: PrismaProjectConfig = {
    schema,
    migrations: { path: migrations, ...(seed === undefined ? {} : { seed }) },
    experimental: { externalTables: true },
  };
  // Another engine drops the tables of Gatehouse in `migrate reset`.
  useSchemaEngine(SCHEMA_ENGINE, databaseSchema);
  if (!process.argv.slice(2).some((argument) => DATABASE_COMMANDS.has(argument))) return config;
  const { url, tables, enums, initShadowDb } = await openDatabase(databaseSchema);
  return {
    ...config,
    migrations: { ...config.migrations, initShadowDb },
    tables: { external: tables },
    enums: { external: enums },
    datasource: { url: urlWithoutPassword(url) },
  };
}

/** By a process that ends with this one. */
async function openDatabase(databaseSchema: string): Promise<ProjectDatabase> {
  const child = fork(DATABASE_PROCESS, [databaseSchema], {
    execArgv: ['--disable-warning=ExperimentalWarning', '--disable-sigusr1'],
  });
  const exited = once(child, 'exit').then(() => ({ error: 'The process that opens the database has ended early.' }));
  const [answer] = (await Promise.race([once(child, 'message'), exited.then((early) => [early])])) as [
    ProjectDatabase | { error: string },
  ];
  if ('error' in answer) throw new Error(answer.error);
  child.unref();
  child.channel?.unref();
  return answer;
}
