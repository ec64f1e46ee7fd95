import { existsSync } from 'node:fs';
import type { DatabaseConfig, Settings } from '../config/config.js';
import { embeddedDatabaseMissing } from '../config/operator-commands.js';
import { withSchema } from '../config/postgres-url.js';
import { readSecret, readOrCreateSecret } from '../secrets/secret-file.js';
import { requireNoLostCluster } from '../embedded-postgres/lost-data.check.js';
import { hasCluster, openDataDirectory, type DataDirectory } from '../embedded-postgres/data-directory.js';
import { openInstallation } from '../embedded-postgres/installation.js';
import type { ProcessRole } from '../embedded-postgres/usage-lock.js';
import { EmbeddedPostgres } from '../embedded-postgres/embedded-postgres.js';

/** The settings, with the URLs of a database that accepts connections. */
export interface ProvidedDatabase {
  readonly config: DatabaseConfig;
  /**
   * Call it after the last query. Stops the embedded server unless another process still uses it. Once `immediately`
   * aborts, the server is shut down at once.
   */
  stop(immediately?: AbortSignal): Promise<void>;
}

export interface ProvideOptions {
  /** Refuses an embedded database that does not exist, instead of creating it. */
  readonly mustExist?: boolean;
}

/**
 * With `DATABASE_URL`: that server, unchanged. Without it: the embedded server under `DATA_DIR`, created and started if
 * necessary; gives up when `signal` aborts.
 * @throws {Error} whose message tells the operator what to do, for example when `role` is `app` and
 *   an application already runs.
 */
export async function provideDatabase(
  settings: Settings,
  role: ProcessRole,
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

async function provideEmbedded(settings: Settings, role: ProcessRole, signal?: AbortSignal): Promise<ProvidedDatabase> {
  const directory = await openDataDirectory(settings.dataDir);
  await requireNoLostCluster(directory);
  const installation = await openInstallation(directory);
  const masterSecret = settings.masterSecret ?? [await embeddedMasterSecret(directory)];
  const server = await EmbeddedPostgres.open(installation, role, signal);
  const url = withSchema(server.url, settings.databaseSchema);
  const urls = { databaseUrl: url, databaseDirectUrl: url };
  return {
    config: Object.freeze({ ...settings, ...urls, masterSecret, isEmbedded: true }),
    stop: (immediately) => server.stop(immediately),
  };
}

async function requireEmbeddedDatabase(dataDir: string): Promise<void> {
  if (existsSync(dataDir)) {
    const directory = await openDataDirectory(dataDir);
    await requireNoLostCluster(directory);
    if (await hasCluster(directory)) return;
  }
  throw embeddedDatabaseMissing(dataDir);
}

/** Generated together with the database; never for an existing database, whose data another secret has sealed. */
async function embeddedMasterSecret(directory: DataDirectory): Promise<string> {
  const { masterSecret, cluster } = directory;
  if (!(await hasCluster(directory))) return readOrCreateSecret(masterSecret);
  return readSecret(masterSecret, `${cluster} is sealed with it (or set MASTER_SECRET, if it was set before)`);
}
