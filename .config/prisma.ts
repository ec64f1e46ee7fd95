import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'prisma/config';

const root = fileURLToPath(new URL('..', import.meta.url));
const isGenerate = process.argv.includes('generate');

const ownEngine = `${root}prisma/schema-engine`;

// `generate` starts no engine, yet the CLI looks for one and downloads it where it can; any executable will do.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= isGenerate ? process.execPath : ownEngine;
// For our engine: the tables that it may drop are those of Gatehouse.
process.env['GATEHOUSE_PRISMA_SCHEMA'] = '*';

/** The embedded database, kept running by a process that ends with this one. */
async function embeddedDatabase(): Promise<string> {
  const child = fork(`${root}dist/database/prisma-cli-embedded-server.process.js`, { cwd: root, execArgv: [] });
  const exited = once(child, 'exit').then(() => {
    throw new Error('The embedded database did not start: its output above says why.');
  });
  const [url] = (await Promise.race([once(child, 'message'), exited])) as [string];
  child.unref();
  child.channel?.unref();
  return url;
}

async function databaseUrl(): Promise<string> {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' });
  const { readSettings } = await import('../dist/config/read-settings.js');
  const { parsePostgresUrl } = await import('../dist/config/postgres-url.js');
  const { databaseDirectUrl } = readSettings('migrate');
  // The CLI itself cannot read `user@/database?host=/socket`.
  const url = databaseDirectUrl === undefined ? await embeddedDatabase() : parsePostgresUrl(databaseDirectUrl).href;
  const { urlWithoutPassword } = await import('../dist/config/prisma-cli-environment.js');
  return process.env['PRISMA_SCHEMA_ENGINE_BINARY'] === ownEngine ? urlWithoutPassword(url) : url;
}

export default defineConfig({
  schema: '../prisma',
  migrations: { path: '../prisma/migrations', seed: 'node prisma/seed.ts' },
  ...(isGenerate ? {} : { datasource: { url: await databaseUrl() } }),
});
