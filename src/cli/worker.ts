import cluster from 'node:cluster';
import { Server } from 'node:net';
import { getSystemErrorMessage } from 'node:util';
import { TerminationSignals } from '../config/termination-signals.js';
import { PrimaryLink } from '../workers/primary-link.js';
import { isMessage, type PrimaryMessage, type WorkerMessage } from '../workers/worker-messages.js';

// Signals to the process group are the primary's: it tells its workers.
const termination = TerminationSignals.ignore();
const primary = new PrimaryLink(tell);
cluster.worker?.on('disconnect', () => {
  // The primary is gone. Node ends the process at once unless it leaves the cluster here; that also closes its listener,
  // so that the next start finds the port free.
  cluster.worker?.disconnect();
  termination.request('SIGTERM');
});
process.on('message', (message: unknown) => {
  if (isMessage(message)) receive(message as PrimaryMessage);
});
tell({ kind: 'ready' });

function receive(message: PrimaryMessage): void {
  if (message.kind === 'terminate') termination.request(message.signal);
  else if (message.kind === 'force') termination.force();
  else if (message.kind === 'ping') tell({ kind: 'pong' });
  else if (message.kind === 'topic') primary.deliverMessage(message);
  else if (message.kind === 'configure') void run(message.config);
}

async function run(config: (PrimaryMessage & { kind: 'configure' })['config']): Promise<void> {
  try {
    const [{ serveApplication }, { standardOutputLog }, { startupLog }, { shutdownDeadlines }] = await Promise.all([
      import('./serve.js'),
      import('../logging/buffered-log-output.js'),
      import('../logging/startup-log.js'),
      import('../health/shutdown-deadlines.js'),
    ]);
    // Ends the process also when the primary is gone.
    shutdownDeadlines(termination, config.shutdownTimeoutSeconds, () => process.exit(1));
    await serveApplication(config, false, termination, startupLog(config.logLevel, standardOutputLog()), {
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
  if (!(error instanceof Error)) return String(error);
  const { syscall, code, errno, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (syscall !== 'bind' || errno === undefined) return error.message;
  return `listen ${code}: ${getSystemErrorMessage(errno)} ${address}:${port}`;
}

function tell(message: WorkerMessage, done: () => void = () => {}): void {
  if (cluster.worker?.isConnected() !== true) done();
  else process.send?.(message, undefined, undefined, done);
}
