import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { whenAborted } from '../../dist/config/abort-signals.js';
import { parseSettings } from '../../dist/config/read-settings.js';
import { createDatabase, dropDatabase } from '../../dist/database/create-database.js';
import { provideDatabase } from '../../dist/database/provide-database.js';
import { ensureMigrated } from '../../dist/database/run-migrations.js';
import { readOrCreateSecret } from '../../dist/secrets/secret-file.js';

/** What the parent receives once the server accepts connections. */
export interface TestServer {
  readonly databaseUrl: string;
  readonly administratorUrl: string;
  readonly templateDatabase: string;
}

/**
 * The database server of a test run, with its migrated template, until the IPC channel to the parent closes. It closes
 * also where the parent ends without its teardown, as on a signal. `TEST_DATABASE_URL` names another server.
 */
const parentExited = new AbortController();
process.once('disconnect', () => parentExited.abort());

const folder = await mkdtemp(join(tmpdir(), 'gatehouse-test-'));
try {
  // The database server's own system user, if any, needs access.
  await chmod(folder, 0o711);
  const url = process.env['TEST_DATABASE_URL'];
  const masterSecret = 'kX3v0q9ZsM1tB7yR5uW2eA8nC4hJ6gLd';
  const environment = url === undefined ? { DATA_DIR: folder } : { DATABASE_URL: url, MASTER_SECRET: masterSecret };
  const server = await provideDatabase(parseSettings(environment), 'script', parentExited.signal);
  const { databaseUrl } = server.config;
  const administratorUrl = url ?? (await superuserUrl(databaseUrl));
  if (url === undefined) await forgoDurability(administratorUrl);
  const templateDatabase = `gatehouse_template_${process.pid}`;
  try {
    const template = new URL(databaseUrl);
    template.pathname = `/${templateDatabase}`;
    await createDatabase(template.href);
    const urls = { databaseUrl: template.href, databaseDirectUrl: template.href };
    await ensureMigrated({ ...server.config, ...urls }, { migrate: true });
    process.send?.({ databaseUrl, administratorUrl, templateDatabase } satisfies TestServer, () => undefined);
    await whenAborted(parentExited.signal);
  } finally {
    await dropDatabase(databaseUrl, templateDatabase);
    await server.stop();
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** Each test has a database of its own: on a durable server, creating and dropping it takes as long as the test. */
async function forgoDurability(administratorUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: administratorUrl });
  await client.connect();
  try {
    for (const setting of ['fsync', 'full_page_writes']) await client.query(`ALTER SYSTEM SET ${setting} = off`);
    await client.query('SELECT pg_reload_conf()');
  } finally {
    await client.end();
  }
}

/** The superuser's URL of the embedded server. */
async function superuserUrl(databaseUrl: string): Promise<string> {
  const superuser = new URL(databaseUrl);
  superuser.username = 'postgres';
  superuser.password = await readOrCreateSecret(join(folder, 'database-superuser-password'));
  superuser.pathname = '/postgres';
  return superuser.href;
}
