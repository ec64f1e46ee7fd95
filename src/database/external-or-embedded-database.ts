import { existsSync } from 'node:fs';
import type { DatabaseConfig, Settings } from '../config/config.js';
import { operatorCommand } from '../config/operator-commands.js';
import { readSecret, readOrCreateSecret } from '../secrets/secret-file.js';
import { hasCluster, requireNoLostCluster } from '../embedded-postgres/initdb.js';
import { openDataDirectory, type DataDirectory } from '../embedded-postgres/data-directory.js';
import { openInstallation } from '../embedded-postgres/installation.js';
import type { Role } from '../embedded-postgres/usage-lock.js';
import { EmbeddedPostgres } from '../embedded-postgres/embedded-postgres.js';

/** Settings completed by a database that accepts connections. */
export interface ProvidedDatabase {
  readonly config: DatabaseConfig;
  /**
   * To be called after the last query. Stops the embedded server unless another process still uses it; once `immediately`
   * aborts, the server is not waited for any more and ends at once.
   */
  stop(immediately?: AbortSignal): Promise<void>;
}

export interface ProvideOptions {
  /** Whether an embedded database that was not made yet is refused, and not made. */
  readonly mustExist?: boolean;
}

/**
 * With `DATABASE_URL`: that server, untouched. Else the embedded one under `DATA_DIR`, made and started as needed; the
 * attempt ends when `signal` aborts.
 * @throws {Error} whose message tells the operator what to do, such as when the role is `app` and one already runs.
 */
export async function provideDatabase(
  settings: Settings,
  role: Role,
  signal?: AbortSignal,
  { mustExist = false }: ProvideOptions = {},
): Promise<ProvidedDatabase> {
  const { databaseUrl } = settings;
  if (databaseUrl === undefined) {
    if (mustExist) await requireEmbeddedDatabase(settings.dataDir);
    return provideEmbedded(settings, role, signal);
  }
  const databaseDirectUrl = settings.databaseDirectUrl ?? databaseUrl;
  return { config: Object.freeze({ ...settings, databaseUrl, databaseDirectUrl }), async stop() {} };
}

async function provideEmbedded(settings: Settings, role: Role, signal?: AbortSignal): Promise<ProvidedDatabase> {
  const directory = await openDataDirectory(settings.dataDir);
  await requireNoLostCluster(directory);
  const installation = await openInstallation(directory);
  const masterSecret = settings.masterSecret ?? [await ownMasterSecret(directory)];
  const server = await EmbeddedPostgres.open(installation, role, signal);
  const urls = { databaseUrl: server.url, databaseDirectUrl: server.url };
  return {
    config: Object.freeze({ ...settings, ...urls, masterSecret }),
    stop: (immediately) => server.stop(immediately),
  };
}

async function requireEmbeddedDatabase(dataDir: string): Promise<void> {
  if (existsSync(dataDir)) {
    const directory = await openDataDirectory(dataDir);
    await requireNoLostCluster(directory);
    if (await hasCluster(directory)) return;
  }
  throw new Error(
    `The embedded database in ${dataDir} (DATA_DIR) has not been made yet: start the service once (\`${operatorCommand('start')}\`), or run \`${operatorCommand('migrate')}\`.`,
  );
}

/** Made with the first data, and never beside data that another sealed. */
async function ownMasterSecret(directory: DataDirectory): Promise<string> {
  const { masterSecret, cluster } = directory;
  if (!(await hasCluster(directory))) return readOrCreateSecret(masterSecret);
  return readSecret(masterSecret, `${cluster} is sealed with it (or set MASTER_SECRET, where that was set so far)`);
}
