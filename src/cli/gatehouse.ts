#!/usr/bin/env node
import './supported-node.js';
import { TerminationSignals } from '../config/termination-signals.js';

// Before everything else is loaded: a signal may arrive during that time.
const termination = TerminationSignals.listen();
const { runCommandLine } = await import('./command-line.js');

await runCommandLine(process.argv.slice(2), termination);
