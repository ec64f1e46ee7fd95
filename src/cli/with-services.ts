import type { INestApplicationContext } from '@nestjs/common';
import { createServices } from '../app.js';
import { requireMasterSecret } from '../config/config.js';
import { readSettings } from '../config/read-settings.js';
import { endCommand, provideForCommand } from './command-database.js';
import { requireTablePrivileges } from '../database/role-privileges.check.js';
import { ensureMigrated } from '../database/run-migrations.js';
import { NO_WAIT } from '../database/startup-wait.js';
import { retryUntilDatabaseAnswers } from '../database/wait-for-database.js';
import { Problem } from '../problems/problem.js';

/**
 * A script over the services, with the API running or not: what fails is one line on stderr and exit code 1. Whoever reads
 * its output may have seen enough and leave.
 */
export async function runScript(script: (args: readonly string[]) => Promise<void>): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => void endCommand(error.code === 'EPIPE' ? 0 : 1));
  try {
    await script(process.argv.slice(2));
  } catch (error) {
    const message = error instanceof Problem ? error.detail : error instanceof Error ? error.message : String(error);
    await endCommand(1, message);
  }
}

/** Runs the work with the application's services, on a database whose schema is up to date. */
export async function withServices(work: (services: INestApplicationContext) => Promise<void>): Promise<void> {
  const settings = readSettings();
  const isEmbedded = settings.databaseUrl === undefined;
  const database = await provideForCommand(settings);
  try {
    const config = requireMasterSecret(database.config);
    const services = await retryUntilDatabaseAnswers(config, NO_WAIT, async () => {
      await ensureMigrated(config, { migrate: false, isEmbedded });
      await requireTablePrivileges(config);
      return createServices(config);
    });
    try {
      await work(services);
    } finally {
      await services.close();
    }
  } finally {
    await database.stop();
  }
}
