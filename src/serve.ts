import type { ApplicationOptions } from './app.js';
import { currentWorker } from './cli/current-worker.js';
import { requireOneNest } from './cli/one-nest.check.js';
import { TerminationSignals } from './config/termination-signals.js';
import { thrownText } from './config/thrown-text.js';

/**
 * Serves Gatehouse with your modules until SIGTERM, SIGINT or SIGHUP, and ends the process: exit code 0, or 1 with a line on stderr
 * that says why it did not start. Reads the settings, provides and migrates the database, and with `WORKERS` above 1 starts
 * the program's own file again in each worker; there this call serves.
 */
export async function serve(options: ApplicationOptions = {}): Promise<void> {
  const loadApplication = async (): Promise<ApplicationOptions> => options;
  const worker = currentWorker();
  if (worker !== undefined) return worker.serve(loadApplication);
  // Without a listener Node opens its inspector, which runs code for everyone on the machine who connects.
  process.on('SIGUSR1', () => undefined);
  const termination = TerminationSignals.listen();
  try {
    requireOneNest();
    const [{ serve: serveProgram }, { ownProgram }] = await Promise.all([
      import('./cli/serve.js'),
      import('./cli/serve-by-workers.js'),
    ]);
    await serveProgram(termination, { loadApplication, workerProgram: ownProgram() });
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${thrownText(error)}\n`);
    process.exit(1);
  }
}
