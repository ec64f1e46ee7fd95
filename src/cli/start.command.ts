import type { Command } from 'commander';
import type { TerminationSignals } from '../config/termination-signals.js';

export function addStartCommand(program: Command, termination: TerminationSignals): void {
  program
    .command('start')
    .summary('start the service')
    .description(
      'Starts the service and serves until SIGTERM, SIGINT or SIGHUP. The log is JSON lines on stdout. ' +
        'Needs nothing with the embedded database; with DATABASE_URL also MASTER_SECRET and a migrated schema ' +
        '(or MIGRATE_ON_START=on).',
    )
    .action(async () => {
      const { serve } = await import('./serve.js');
      await serve(termination);
      process.exit(0);
    });
}
