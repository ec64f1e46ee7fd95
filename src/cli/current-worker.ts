import cluster from 'node:cluster';
import { Server } from 'node:net';
import util from 'node:util';
import type { ApplicationOptions } from '../app.js';
import type { Config } from '../config/config.js';
import { TerminationSignals } from '../config/termination-signals.js';
import { thrownText } from '../config/thrown-text.js';
import { shutdownDeadlines } from '../health/shutdown-deadlines.js';
import { PrimaryLink } from '../workers/primary-link.js';
import { isMessage, type PrimaryMessage, type WorkerMessage } from '../workers/worker-messages.js';

/** This process as a worker of a node. */
export interface CurrentWorker {
  /** Serves with the settings of the primary, until it ends this process. */
  serve(loadApplication: () => Promise<ApplicationOptions>): Promise<void>;
}

let worker: CurrentWorker | undefined;

/** Undefined in a process that no primary of ours has started, also in a worker of another program's cluster. */
export const currentWorker = (): CurrentWorker | undefined => worker;

/** Answers the primary from now on. */
export function becomeWorker(): CurrentWorker {
  // Signals to the process group are the primary's: it tells its workers.
  const termination = TerminationSignals.ignore();
  const primary = new PrimaryLink(tell);
  const configured = Promise.withResolvers<Config>();
  cluster.worker?.on('disconnect', () => {
    // The primary is gone. Node ends the process at once unless it leaves the cluster here; that also closes its listener,
    // so that the next start finds the port free.
    cluster.worker?.disconnect();
    termination.request('SIGTERM');
  });
  process.on('message', (message: unknown) => {
    if (!isMessage(message)) return;
    const received = message as PrimaryMessage;
    if (received.kind === 'terminate') termination.request(received.signal);
    else if (received.kind === 'force') termination.force();
    else if (received.kind === 'ping') tell({ kind: 'pong' });
    else if (received.kind === 'topic') primary.deliverMessage(received);
    else if (received.kind === 'configure') configured.resolve(received.config);
  });
  tell({ kind: 'ready' });
  worker = {
    serve: async (loadApplication) => serveAsWorker(await configured.promise, loadApplication, termination, primary),
  };
  return worker;
}

async function serveAsWorker(
  config: Config,
  loadApplication: () => Promise<ApplicationOptions>,
  termination: TerminationSignals,
  primary: PrimaryLink,
): Promise<void> {
  try {
    // Ends the process also when the primary is gone.
    shutdownDeadlines(termination, config.shutdownTimeoutSeconds, () => process.exit(1));
    const [{ serveApplication }, { standardOutputLog }, { startupLog }] = await Promise.all([
      import('./serve.js'),
      import('../logging/buffered-log-output.js'),
      import('../logging/startup-log.js'),
    ]);
    await serveApplication({
      config,
      migrate: false,
      termination,
      log: startupLog(config.logLevel, standardOutputLog()),
      loadApplication,
      primary,
      onServing: () => tell({ kind: 'serving' }),
      // The other workers take new connections. `net.Server.close` leaves those that are open as they are.
      beforeClose: (server) => Server.prototype.close.call(server),
    });
    process.exit(0);
  } catch (error) {
    if (termination.reason?.isCauseOf(error) === true) process.exit(0);
    tell({ kind: 'failed', message: messageOf(error) }, () => process.exit(1));
  }
}

/** `node:cluster` words an address that cannot be listened on in another way than a single process. */
function messageOf(error: unknown): string {
  const { syscall, code, errno, address, port } = (error ?? {}) as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
  };
  if (syscall !== 'bind' || errno === undefined) return thrownText(error);
  return `listen ${code}: ${util.getSystemErrorMessage(errno)} ${address}:${port}`;
}

function tell(message: WorkerMessage, done: () => void = () => {}): void {
  if (cluster.worker?.isConnected() !== true) done();
  else process.send?.(message, undefined, undefined, done);
}
