import { type Command, InvalidArgumentError } from 'commander';
import type { TerminationSignals } from '../config/termination-signals.js';

export function addMigrateNewCommand(program: Command, termination: TerminationSignals): void {
  program
    .command('migrate:new')
    .usage('NAME')
    .summary('write a migration for a changed Prisma schema')
    .description(
      'Writes the SQL that takes a migrated database to prisma/*.prisma into a new folder of prisma/migrations. ' +
        'Needs a checkout, and a role with CREATEDB: it works on a scratch database beside the real one.',
    )
    .argument('<NAME>', 'name of the migration: lower-case letters, digits and underscores', parseName)
    .action(async (name: string) => {
      // The schema engine is a WebAssembly module, which Node imports as an experiment.
      silenceExperimentalWarnings();
      const { runMigrateNew } = await import('./migrate-new.action.js');
      await runMigrateNew(termination, name);
    });
}

/** As `node --disable-warning=ExperimentalWarning`, in a process that has started. */
function silenceExperimentalWarnings(): void {
  const listeners = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name !== 'ExperimentalWarning') for (const listener of listeners) listener(warning);
  });
}

function parseName(text: string): string {
  if (!/^[a-z][a-z\d_]{0,60}$/.test(text)) {
    throw new InvalidArgumentError(
      'is not 1 to 61 lower-case letters, digits and underscores that begin with a letter',
    );
  }
  return text;
}
