import { type Command, InvalidArgumentError } from 'commander';
import type { TerminationSignals } from '../config/termination-signals.js';

interface SeedOptions {
  readonly users: number;
  readonly sessions: number;
  readonly events: number;
  readonly force?: boolean;
}

export function addSeedCommand(program: Command, termination: TerminationSignals): void {
  program
    .command('seed')
    .usage('[--users N [--sessions N] [--events N]] [--force]')
    .summary('make a first user, and as many more as asked for, with sessions and events')
    .description(
      'Makes admin@example.com, who has the role admin, with a random password, which is printed once. ' +
        'Migrates the embedded database first. A DATABASE_URL needs --force, and to be migrated already. ' +
        'When it is run again, existing users are left as they are; sessions and events are made each time.',
    )
    .option(
      '--users <N>',
      'also make user1@example.com to userN@example.com, who share a password nobody is told',
      parseCount,
      0,
    )
    .option('--sessions <N>', 'also make N sessions of those users, started within the last 28 days', parseCount, 0)
    .option('--events <N>', 'also make N audit events of those users, of the last 85 days', parseCount, 0)
    .option('--force', 'fill the database of DATABASE_URL')
    .action(async ({ force = false, ...amounts }: SeedOptions, command: Command) => {
      if (amounts.users === 0 && (amounts.sessions > 0 || amounts.events > 0)) {
        command.error("error: option '--sessions' or '--events' without '--users'");
      }
      await (await import('./seed.action.js')).runSeed(termination, amounts, force);
    });
}

function parseCount(text: string): number {
  if (!/^\d{1,8}$/.test(text)) throw new InvalidArgumentError('is not a whole number of at most 8 digits');
  return Number(text);
}
