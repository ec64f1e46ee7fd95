import type { INestApplicationContext } from '@nestjs/common';
import { requireMasterSecret } from '../config/config.js';
import { readSettings } from '../config/read-settings.js';
import type { TerminationSignals } from '../config/termination-signals.js';
import { requireTablePrivileges } from '../database/role-privileges.check.js';
import { ensureMigrated } from '../database/run-migrations.js';
import { NO_WAIT } from '../database/startup-retries.js';
import { retryUntilDatabaseAnswers } from '../database/wait-for-database.js';
import { withDatabase } from './command-database.js';

/**
 * Runs the work with the application's services, beside the running service or without it. Fails if the schema is
 * behind. Makes no embedded database. The application is loaded after the checks, so that a command which cannot work
 * fails soon: bodies of commands import their services in the work.
 */
export async function withServices(
  termination: TerminationSignals,
  work: (services: INestApplicationContext) => Promise<void>,
): Promise<void> {
  const settings = readSettings();
  const isEmbedded = settings.databaseUrl === undefined;
  const useServices = async (databaseConfig: Parameters<typeof requireMasterSecret>[0]): Promise<void> => {
    const config = requireMasterSecret(databaseConfig);
    const services = await retryUntilDatabaseAnswers(config, NO_WAIT, async () => {
      await ensureMigrated(config, { migrate: false, isEmbedded });
      await requireTablePrivileges(config);
      const { createServices } = await import('../app.js');
      return createServices(config);
    });
    try {
      await work(services);
    } finally {
      await services.close();
    }
  };
  await withDatabase(settings, termination, useServices, { mustExist: true });
}
