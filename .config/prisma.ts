import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'prisma/config';

const root = fileURLToPath(new URL('..', import.meta.url));
const isGenerate = process.argv.includes('generate');

// `generate` starts no engine, yet the CLI looks for one and downloads it where it can; any executable will do.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= isGenerate ? process.execPath : `${root}.config/schema-engine`;

/** The embedded database, kept running by a process that ends with this one. */
async function embeddedDatabase(): Promise<string> {
  const keeper = fork(`${root}dist/database/keep-database.process.js`, { cwd: root, execArgv: [] });
  const gone = once(keeper, 'exit').then(() => {
    throw new Error('There is no database; the reason stands above.');
  });
  const [url] = (await Promise.race([once(keeper, 'message'), gone])) as [string];
  keeper.unref();
  keeper.channel?.unref();
  return url;
}

async function databaseUrl(): Promise<string> {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' });
  const { readSettings } = await import('../dist/config/read-settings.js');
  const { parsePostgresUrl } = await import('../dist/config/postgres-url.js');
  const { databaseDirectUrl } = readSettings('migrate');
  // The CLI itself cannot read `user@/database?host=/socket`.
  return databaseDirectUrl === undefined ? embeddedDatabase() : parsePostgresUrl(databaseDirectUrl).href;
}

export default defineConfig({
  schema: '../prisma/schema.prisma',
  migrations: { path: '../prisma/migrations', seed: 'node prisma/seed.ts' },
  ...(isGenerate ? {} : { datasource: { url: await databaseUrl() } }),
});
