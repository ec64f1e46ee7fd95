import type { Command } from 'commander';
import type { TerminationSignals } from '../config/termination-signals.js';

export function addMigrateCommand(program: Command, termination: TerminationSignals): void {
  program
    .command('migrate')
    .summary('bring the schema of the database up to date')
    .description(
      'Applies the pending migrations to DATABASE_URL, or to the embedded database, which it makes where there is none. ' +
        'Waits DATABASE_STARTUP_SECONDS for a database that does not answer yet. Needs the role that owns the tables.',
    )
    .action(async () => (await import('./migrate.action.js')).runMigrate(termination));
}
