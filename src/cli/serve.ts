import { lookup } from 'node:dns/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { requireMasterSecret, type DatabaseConfig, type Settings } from '../config/config.js';
import { readSettings } from '../config/read-settings.js';
import { whenAborted, onceAborted } from '../config/abort-signals.js';
import type { TerminationSignals } from '../config/termination-signals.js';
import { provideDatabase, type ProvidedDatabase } from '../database/external-or-embedded-database.js';
import { requireTablePrivileges } from '../database/role-privileges.check.js';
import { ensureMigrated } from '../database/run-migrations.js';
import { type WaitOptions } from '../database/startup-retries.js';
import { retryUntilDatabaseAnswers } from '../database/wait-for-database.js';
import { shutdownDeadlines } from './shutdown-deadlines.js';
import { standardOutputLog } from '../logging/buffered-log-output.js';
import { startupLog } from '../logging/startup-log.js';

/** In which the embedded database's processes are launched. */
const LAUNCH_MS = 60;

/**
 * Starts the service and resolves when a signal has ended it, in order and within `SHUTDOWN_TIMEOUT_SECONDS` and five
 * seconds, wherever it was.
 * @throws {Error} whose message tells the operator why it did not start.
 */
export async function serve(termination: TerminationSignals): Promise<void> {
  const settings = readSettings();
  const tell = startupLog(settings.logLevel, standardOutputLog());
  const tellLeft = (severity: 'info' | 'warn'): void => {
    const { reason } = termination;
    if (reason === undefined) return;
    tell({ context: 'Shutdown', msg: 'left', signal: reason.signal, seconds: secondsSince(reason.at) }, severity);
  };
  onceAborted(termination.requested, () =>
    tell({ context: 'Shutdown', msg: 'leaving', signal: termination.reason?.signal }, 'info'),
  );
  const { overdue, immediately } = shutdownDeadlines(termination, settings.shutdownTimeoutSeconds, () => {
    tellLeft('warn');
    process.exit(1);
  });
  try {
    const database = await startDatabase(settings, termination);
    try {
      await Promise.race([serveOn(database.config, settings, termination, tell), whenAborted(overdue)]);
    } finally {
      await database.stop(immediately);
    }
  } catch (error) {
    if (termination.reason?.isCauseOf(error) !== true) throw error;
  }
  tellLeft('info');
}

/** The application takes as long to load as the database to start, and it blocks this thread: so it comes second. */
async function startDatabase(settings: Settings, { requested }: TerminationSignals): Promise<ProvidedDatabase> {
  const providing = provideDatabase(settings, 'app', requested);
  await Promise.race([providing, pause(LAUNCH_MS)]);
  if (!requested.aborted) await import('../app.js');
  return providing;
}

async function serveOn(
  databaseConfig: DatabaseConfig,
  settings: Settings,
  termination: TerminationSignals,
  tell: (members: object) => void,
): Promise<void> {
  const { requested, forced } = termination;
  const config = requireMasterSecret(databaseConfig);
  requested.throwIfAborted();
  const migrate = settings.databaseUrl === undefined || config.migrateOnStart;
  const waitOptions: WaitOptions = { seconds: config.databaseStartupSeconds, signal: requested, onWait: tell };
  const [{ createApp }, { GracefulShutdown }] = await Promise.all([
    import('../app.js'),
    import('../health/graceful-shutdown.js'),
  ]);
  const app = await retryUntilDatabaseAnswers(config, waitOptions, async () => {
    await ensureMigrated(config, { migrate, waitOptions });
    await requireTablePrivileges(config);
    requested.throwIfAborted();
    return createApp(config);
  });
  const shutdown = app.get(GracefulShutdown, { strict: false });
  const { server } = app.getHttpAdapter().getInstance();
  try {
    shutdown.watchConnections(server);
    requested.throwIfAborted();
    // Fastify opens a second server for the other addresses of localhost, which knows nothing of how to treat clients.
    const { address } = await lookup(config.host);
    await app.listen(config.port, address);
    await whenAborted(requested);
    await shutdown.drainServer(server, forced);
  } finally {
    await app.close();
  }
}

function secondsSince(at: number): number {
  return Math.round(performance.now() - at) / 1000;
}
