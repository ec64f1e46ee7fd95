import type { DatabaseConfig, Settings } from '../config/config.js';
import { localSecret } from '../config/local-secret.js';
import { openDataDirectory } from './embedded-data-directory.js';
import { openInstallation } from './embedded-installation.js';
import type { Role } from './embedded-lease.js';
import { EmbeddedPostgres } from './embedded-postgres.js';

/** Settings completed by a database that accepts connections. */
export interface ProvidedDatabase {
  readonly config: DatabaseConfig;
  /** To be called after the last query. Stops the embedded server unless another process still uses it. */
  stop(): Promise<void>;
}

/**
 * With `DATABASE_URL`: that server, untouched. Else the embedded one under `DATA_DIR`, made and started as needed.
 * @throws {Error} whose message tells the operator what to do, such as when the role is `app` and one already runs.
 */
export async function provideDatabase(settings: Settings, role: Role): Promise<ProvidedDatabase> {
  const { databaseUrl } = settings;
  if (databaseUrl === undefined) return provideEmbedded(settings, role);
  const databaseDirectUrl = settings.databaseDirectUrl ?? databaseUrl;
  return { config: Object.freeze({ ...settings, databaseUrl, databaseDirectUrl }), async stop() {} };
}

async function provideEmbedded(settings: Settings, role: Role): Promise<ProvidedDatabase> {
  const directory = await openDataDirectory(settings.dataDir);
  const installation = await openInstallation(directory);
  const masterSecret = settings.masterSecret ?? [await localSecret(directory.masterSecret)];
  const server = await EmbeddedPostgres.open(installation, role);
  const urls = { databaseUrl: server.url, databaseDirectUrl: server.url };
  return { config: Object.freeze({ ...settings, ...urls, masterSecret }), stop: () => server.stop() };
}
