#!/usr/bin/env node
import './supported-node.js';
import './working-directory.js';
import { TerminationSignals } from '../config/termination-signals.js';

// Without a listener Node opens its inspector, which runs code for everyone on the machine who connects.
process.on('SIGUSR1', () => undefined);
// Before everything else is loaded: a signal may arrive during that time.
const termination = TerminationSignals.listen();
const { runCommandLine } = await import('./command-line.js');

await runCommandLine(process.argv.slice(2), termination);
