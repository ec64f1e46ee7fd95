import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { readOrCreateSecret } from '../../dist/secrets/secret-file.js';
import { parseSettings } from '../../dist/config/read-settings.js';
import { provideDatabase } from '../../dist/database/provide-database.js';
import { dropDatabase } from '../../dist/database/create-database.js';
import { ensureMigrated } from '../../dist/database/run-migrations.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** A server on which databases may be created. */
    databaseServerUrl: string;
    /** The same server, as a role that may create roles. */
    administratorUrl: string;
    /** A migrated database without rows, to be copied. */
    templateDatabase: string;
  }
}

/** One server and one migrated template database for the whole run; `TEST_DATABASE_URL` names another server. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-test-'));
  // The database server's own system user, if any, needs access.
  await chmod(folder, 0o711);
  const url = process.env['TEST_DATABASE_URL'];
  const masterSecret = 'kX3v0q9ZsM1tB7yR5uW2eA8nC4hJ6gLd';
  const environment = url === undefined ? { DATA_DIR: folder } : { DATABASE_URL: url, MASTER_SECRET: masterSecret };
  const server = await provideDatabase(parseSettings(environment), 'script');
  const template = `gatehouse_template_${process.pid}`;
  const { databaseUrl } = server.config;
  await run(databaseUrl, `CREATE DATABASE ${template}`);
  const templateUrl = withDatabase(databaseUrl, template);
  await ensureMigrated(
    { ...server.config, databaseUrl: templateUrl, databaseDirectUrl: templateUrl },
    { migrate: true },
  );
  project.provide('databaseServerUrl', databaseUrl);
  project.provide('administratorUrl', url ?? (await superuserUrl(databaseUrl, folder)));
  project.provide('templateDatabase', template);
  return async () => {
    await dropDatabase(databaseUrl, template);
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
}

async function run(connectionString: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query(sql);
  await client.end();
}

/** The superuser's URL of the embedded server in this DATA_DIR. */
async function superuserUrl(databaseUrl: string, folder: string): Promise<string> {
  const superuser = new URL(databaseUrl);
  superuser.username = 'postgres';
  superuser.password = await readOrCreateSecret(join(folder, 'database-superuser-password'));
  superuser.pathname = '/postgres';
  return superuser.href;
}

function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}
