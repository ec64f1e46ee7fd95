import type { Command } from 'commander';
import type { TerminationSignals } from '../config/termination-signals.js';

export function addResetCommand(program: Command, termination: TerminationSignals): void {
  program
    .command('reset')
    .usage('[--force]')
    .summary('delete all data and migrate again')
    .description(
      'Drops the schema of DATABASE_URL, or of the embedded database, with every user in it, and migrates again. ' +
        'Needs the role that owns the schema.',
    )
    .option('--force', 'drop the schema of DATABASE_URL')
    .action(async ({ force = false }: { force?: boolean }) =>
      (await import('./reset.action.js')).runReset(termination, force),
    );
}
