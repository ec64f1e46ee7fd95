import './cli/supported-node.js';
import { TerminationSignals } from './config/termination-signals.js';

// Before everything else is loaded: a signal may arrive during that time.
const termination = TerminationSignals.listen();
const { serve } = await import('./cli/serve.js');

try {
  await serve(termination);
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
