import './cli/supported-node.js';
import './cli/working-directory.js';
import { TerminationSignals } from './config/termination-signals.js';
import { thrownText } from './config/thrown-text.js';

// Before everything else is loaded: a signal may arrive during that time.
const termination = TerminationSignals.listen();
const args = process.argv.slice(2);

if (args.length > 0) {
  // `npm start -- --help`. Without arguments the command line is not needed, and commander is not loaded.
  const { runCommandLine } = await import('./cli/command-line.js');
  await runCommandLine(['start', ...args], termination);
} else {
  await start();
}

async function start(): Promise<never> {
  try {
    const { serve } = await import('./cli/serve.js');
    await serve(termination);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${thrownText(error)}\n`);
    process.exit(1);
  }
}
