import { requireMasterSecret } from '../config/setting-conflicts.js';
import type { DatabaseConfig, Settings } from '../config/config.js';
import { onceAborted } from '../config/abort-signals.js';
import { provideDatabase, type ProvideOptions } from '../database/provide-database.js';
import { endCommand, endUnderWay, releaseAtEnd } from './end-command.js';
import type { INestApplicationContext } from '@nestjs/common';
import { readSettings } from '../config/read-settings.js';
import type { TerminationSignals } from '../config/termination-signals.js';
import { requireTablePrivileges } from '../database/role-privileges.check.js';
import { ensureMigrated } from '../database/run-migrations.js';
import { NO_WAIT, retryUntilDatabaseAnswers } from '../database/wait-for-database.js';

/** For the embedded server to stop in order. */
const MAX_STOP_MS = 5000;

/**
 * Runs the work of a command on the database. A signal ends the command, and stops the embedded server
 * unless another process uses it.
 * @throws {Error} as {@link provideDatabase} does.
 */
export async function withDatabase(
  settings: Settings,
  termination: TerminationSignals,
  work: (config: DatabaseConfig) => Promise<void>,
  options: ProvideOptions = {},
): Promise<void> {
  const givingUp = new AbortController();
  onceAborted(termination.requested, () => void endCommand(termination.reason?.exitCode ?? 1));
  const providing = provideDatabase(settings, 'script', givingUp.signal, options);
  releaseAtEnd(async () => {
    givingUp.abort();
    const database = await providing.catch(() => undefined);
    await database?.stop(AbortSignal.timeout(MAX_STOP_MS)).catch(() => undefined);
  });
  const database = await providing.catch((error: unknown) => {
    const ending = endUnderWay();
    if (ending !== undefined) return ending;
    throw error;
  });
  try {
    await work(database.config);
  } finally {
    await database.stop();
  }
}

/**
 * Runs the work with the application's services, beside the running service or without it. Fails if the schema is
 * behind. Makes no embedded database. The services are loaded after the checks, so that a command which cannot work
 * fails soon: bodies of commands import their services in the work.
 */
export async function withServices(
  termination: TerminationSignals,
  work: (services: INestApplicationContext) => Promise<void>,
): Promise<void> {
  const settings = readSettings();
  const isEmbedded = settings.databaseUrl === undefined;
  const useServices = async (databaseConfig: DatabaseConfig): Promise<void> => {
    const config = requireMasterSecret(databaseConfig);
    const services = await retryUntilDatabaseAnswers(config, NO_WAIT, async () => {
      await ensureMigrated(config, { migrate: false, isEmbedded, waitOptions: NO_WAIT });
      await requireTablePrivileges(config);
      const { createServices } = await import('./command-services.js');
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
