import { type Command, InvalidArgumentError } from 'commander';
import type { TerminationSignals } from '../config/termination-signals.js';

interface SeedOptions {
  readonly users: number;
  readonly force?: boolean;
}

export function addSeedCommand(program: Command, termination: TerminationSignals): void {
  program
    .command('seed')
    .usage('[--users N] [--force]')
    .summary('make a first user, and as many more as asked for')
    .description(
      'Makes admin@example.com with a random password, which is printed once. ' +
        'Migrates the embedded database first. A DATABASE_URL needs --force, and to be migrated already.',
    )
    .option(
      '--users <N>',
      'also make user1@example.com to userN@example.com, who share a password nobody is told',
      parseCount,
      0,
    )
    .option('--force', 'fill the database of DATABASE_URL')
    .action(async ({ users, force = false }: SeedOptions) =>
      (await import('./seed.action.js')).runSeed(termination, users, force),
    );
}

function parseCount(text: string): number {
  if (!/^\d{1,8}$/.test(text)) throw new InvalidArgumentError('is not a whole number of at most 8 digits');
  return Number(text);
}
