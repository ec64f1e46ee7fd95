import { runCommandLine } from '../dist/cli/command-line.js';
import { TerminationSignals } from '../dist/config/termination-signals.js';

/** What `npx prisma db seed` runs: `gatehouse seed` with the same options. */
await runCommandLine(['seed', ...process.argv.slice(2)], TerminationSignals.listen());
