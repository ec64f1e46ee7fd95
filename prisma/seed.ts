import { TerminationSignals } from '../dist/config/termination-signals.js';

// Before everything else is loaded: a signal may arrive during that time.
const termination = TerminationSignals.listen();
const { runCommandLine } = await import('../dist/cli/command-line.js');

/** What `npx prisma db seed` runs: `gatehouse seed` with the same options. */
await runCommandLine(['seed', ...process.argv.slice(2)], termination);
