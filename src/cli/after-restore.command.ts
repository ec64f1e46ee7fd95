import type { Command } from 'commander';
import type { TerminationSignals } from '../config/termination-signals.js';

export function addAfterRestoreCommand(program: Command, termination: TerminationSignals): void {
  program
    .command('after-restore')
    .usage('[--jwt-secret-changed]')
    .summary('end all access that a restored dump brought back')
    .description(
      'Ends every session and replaces every signing key, after a dump was restored and before the first node starts. ' +
        'May be run again at any time. Needs a migrated database and its MASTER_SECRET.',
    )
    .option('--jwt-secret-changed', 'JWT_SECRET has one new value; needed where it is set')
    .action(async ({ jwtSecretChanged = false }: { jwtSecretChanged?: boolean }) =>
      (await import('./after-restore.action.js')).runAfterRestore(termination, jwtSecretChanged),
    );
}
