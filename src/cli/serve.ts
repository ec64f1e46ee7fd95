import { lookup } from 'node:dns/promises';
import type { Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { requireMasterSecret } from '../config/setting-conflicts.js';
import type { Config, Settings } from '../config/config.js';
import { readSettings } from '../config/read-settings.js';
import { whenAborted, onceAborted } from '../config/abort-signals.js';
import type { TerminationSignals } from '../config/termination-signals.js';
import { provideDatabase, type ProvidedDatabase } from '../database/provide-database.js';
import { requireTablePrivileges } from '../database/role-privileges.check.js';
import { ensureMigrated } from '../database/run-migrations.js';
import { type WaitOptions, retryUntilDatabaseAnswers } from '../database/wait-for-database.js';
import { shutdownDeadlines } from '../health/shutdown-deadlines.js';
import { standardOutputLog } from '../logging/buffered-log-output.js';
import type { ApplicationOptions } from '../app.js';
import type { PrimaryLink } from '../workers/primary-link.js';
import { startupLog } from '../logging/startup-log.js';
import { serveByWorkers, type WorkerProgram } from './serve-by-workers.js';

/** Time in which the processes of the embedded database are launched. */
const LAUNCH_MS = 60;

/** What is served, and how. */
export interface ServedProgram {
  /** Called in the process that serves, and not in the primary of workers. */
  readonly loadApplication: () => Promise<ApplicationOptions>;
  /** Ours by default. */
  readonly workerProgram?: WorkerProgram;
}

/** The application of a checkout: that of `src/features.ts`. */
export async function loadFeatures(): Promise<ApplicationOptions> {
  const { application } = await import('../features.js');
  return application;
}

/**
 * Starts the service; resolves when a signal has ended it. The end takes at most `SHUTDOWN_TIMEOUT_SECONDS` and five
 * seconds, also during the start.
 * @throws {Error} whose message tells the operator why it did not start.
 */
export async function serve(
  termination: TerminationSignals,
  { loadApplication, workerProgram }: ServedProgram = { loadApplication: loadFeatures },
): Promise<void> {
  const settings = readSettings();
  const log = startupLog(settings.logLevel, standardOutputLog());
  const logLeft = (severity: 'info' | 'warn'): void => {
    const { reason } = termination;
    if (reason === undefined) return;
    log({ context: 'Shutdown', msg: 'left', signal: reason.signal, seconds: secondsSince(reason.at) }, severity);
  };
  onceAborted(termination.requested, () =>
    log({ context: 'Shutdown', msg: 'leaving', signal: termination.reason?.signal }, 'info'),
  );
  const { overdue, immediately } = shutdownDeadlines(termination, settings.shutdownTimeoutSeconds, () => {
    logLeft('warn');
    process.exit(1);
  });
  try {
    const isAlone = settings.workers === 1;
    const database = isAlone
      ? await startDatabase(settings, termination)
      : await provideDatabase(settings, 'app', termination.requested);
    const migrate = settings.databaseUrl === undefined || settings.migrateOnStart;
    try {
      const config = requireMasterSecret(database.config);
      const serving = isAlone
        ? serveApplication({ config, migrate, termination, log, loadApplication })
        : serveByWorkers({ config, migrate, termination, overdue, log }, workerProgram);
      await Promise.race([serving, whenAborted(overdue)]);
    } finally {
      await database.stop(immediately);
    }
  } catch (error) {
    if (termination.reason?.isCauseOf(error) !== true) throw error;
  }
  logLeft('info');
}

/**
 * Loading the application takes as long as starting the database and blocks this thread, so
 * the database is launched first.
 */
async function startDatabase(settings: Settings, { requested }: TerminationSignals): Promise<ProvidedDatabase> {
  const providing = provideDatabase(settings, 'app', requested);
  await Promise.race([providing, pause(LAUNCH_MS)]);
  if (!requested.aborted) await import('../app.js');
  return providing;
}

interface Serving {
  readonly config: Config;
  readonly migrate: boolean;
  readonly termination: TerminationSignals;
  readonly log: (members: object) => void;
  readonly loadApplication: () => Promise<ApplicationOptions>;
  /** Of a worker. */
  readonly primary?: PrimaryLink;
  readonly onServing?: () => void;
  readonly beforeClose?: (server: Server) => void;
}

/** Serves in this process until a signal has ended it. */
export async function serveApplication(serving: Serving): Promise<void> {
  const { config, migrate, log, primary, onServing, beforeClose } = serving;
  const { requested, forced } = serving.termination;
  requested.throwIfAborted();
  const waitOptions: WaitOptions = { seconds: config.databaseStartupSeconds, signal: requested, onWait: log };
  const [{ createApp }, { GracefulShutdown }, application] = await Promise.all([
    import('../app.js'),
    import('../health/graceful-shutdown.js'),
    serving.loadApplication(),
  ]);
  const app = await retryUntilDatabaseAnswers(config, waitOptions, async () => {
    await ensureMigrated(config, { migrate, waitOptions });
    await requireTablePrivileges(config);
    requested.throwIfAborted();
    return createApp(config, application, { primary });
  });
  const shutdown = app.get(GracefulShutdown, { strict: false });
  const { server } = app.getHttpAdapter().getInstance();
  try {
    shutdown.watchConnections(server);
    requested.throwIfAborted();
    // For the other addresses of a name Fastify opens a second server, without our handling of
    // malformed requests and slow clients.
    const { address } = await lookup(config.host);
    await app.listen(config.port, address);
    onServing?.();
    await whenAborted(requested);
    await shutdown.drainServer(server, forced);
    if (beforeClose !== undefined) {
      beforeClose(server);
      await shutdown.waitForFirstRequests();
    }
  } finally {
    await app.close();
  }
}

function secondsSince(at: number): number {
  return Math.round(performance.now() - at) / 1000;
}
