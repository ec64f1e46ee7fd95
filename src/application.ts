import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { ApplicationOptions } from './app.js';
import { requireOneNest } from './cli/one-nest.check.js';
import type { Config } from './config/config.js';
import { parseSettings, readEnvironment } from './config/read-settings.js';
import { requireMasterSecret } from './config/setting-conflicts.js';
import { provideDatabase } from './database/provide-database.js';
import { requireTablePrivileges } from './database/role-privileges.check.js';
import { ensureMigrated } from './database/run-migrations.js';
import { retryUntilDatabaseAnswers } from './database/wait-for-database.js';

export interface CreateAppOptions extends ApplicationOptions {
  /** Settings by their names; they win over the environment and the `.env` file. */
  readonly settings?: Readonly<Record<string, string | undefined>>;
}

/** A running application in a process of your own, which sees to signals itself. */
export class Application {
  constructor(
    /** Nest's application. Close this object instead of it. */
    readonly nest: NestFastifyApplication,
    private readonly address: { readonly port: number; readonly host: string },
    private readonly stopDatabase: () => Promise<void>,
  ) {}

  /** Listens on `PORT` and `HOST` by default. @returns the URL */
  async listen(port: number = this.address.port, host: string = this.address.host): Promise<string> {
    await this.nest.listen(port, host);
    return this.nest.getUrl();
  }

  /** Finishes the requests in flight, then stops the database that comes along. */
  async close(): Promise<void> {
    try {
      await this.nest.close();
    } finally {
      await this.stopDatabase();
    }
  }
}

/**
 * Builds the application without listening: settings, database, migration, and your modules.
 * @throws {Error} whose message tells the operator what to do
 */
export async function createApp({ settings, ...options }: CreateAppOptions = {}): Promise<Application> {
  return createConfiguredApp(options, { ...readEnvironment(), ...settings });
}

interface Changes {
  /** Values that no setting may have. */
  readonly adjust?: Partial<Config>;
  readonly log?: { write(line: string): unknown };
  /** Called between the migration and the application. */
  readonly onMigrated?: (config: Config) => Promise<void>;
}

/** {@link createApp} with these settings alone. */
export async function createConfiguredApp(
  options: ApplicationOptions,
  environment: Readonly<Record<string, string | undefined>>,
  { adjust = {}, log, onMigrated }: Changes = {},
): Promise<Application> {
  requireOneNest();
  const settings = parseSettings(environment);
  const database = await provideDatabase(settings, 'app');
  try {
    const config: Config = { ...requireMasterSecret(database.config), ...adjust };
    const migrate = settings.databaseUrl === undefined || settings.migrateOnStart;
    const waitOptions = { seconds: config.databaseStartupSeconds };
    const { createApp: createNestApp } = await import('./app.js');
    const nest = await retryUntilDatabaseAnswers(config, waitOptions, async () => {
      await ensureMigrated(config, { migrate, waitOptions });
      await requireTablePrivileges(config);
      await onMigrated?.(config);
      return createNestApp(config, options, log === undefined ? {} : { log });
    });
    return new Application(nest, config, () => database.stop());
  } catch (error) {
    await database.stop();
    throw error;
  }
}
