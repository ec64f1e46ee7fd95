import { Command, CommanderError } from 'commander';
import { readFileSync } from 'node:fs';
import type { TerminationSignals } from '../config/termination-signals.js';
import { addAfterRestoreCommand } from './after-restore.command.js';
import { endCommand } from './end-command.js';
import { finishBeforeOutput, handleOutputFailure, reportLostOutput } from './command-output.js';
import { addEventsCommand } from './events.command.js';
import { addKeysCommand } from './keys.command.js';
import { addMailCommand } from './mail.command.js';
import { addMigrateCommand } from './migrate.command.js';
import { addMigrateNewCommand } from './migrate-new.command.js';
import { addResetCommand } from './reset.command.js';
import { addSeedCommand } from './seed.command.js';
import { addStartCommand } from './start.command.js';
import { helpText, runnableName, shortenArguments, usageError, UsageError } from './usage.js';
import { addUsersCommand } from './users.command.js';

const COMMANDS = [
  addStartCommand,
  addMigrateCommand,
  addMigrateNewCommand,
  addSeedCommand,
  addResetCommand,
  addAfterRestoreCommand,
  addUsersCommand,
  addKeysCommand,
  addEventsCommand,
  addMailCommand,
];

/** Their work is what they print: if nobody reads it, they end at once. */
const PRINTING_COMMANDS: ReadonlySet<string> = new Set(['list', 'show', 'events']);

/**
 * Runs one command of `gatehouse`. A failure is one line on stderr and exit code 1. If stdout is closed early
 * (`| head`), the exit code is 0; a command that changes something does that first.
 */
export async function runCommandLine(args: readonly string[], termination: TerminationSignals): Promise<void> {
  handleOutputFailure();
  try {
    // Commander's own `help` command takes one name, and not `help users disable`.
    const parsed = args[0] === 'help' ? [...args.slice(1), '--help'] : args;
    const program = commandLine(termination);
    await program.parseAsync(hasUnknownCommand(program, parsed) ? withoutHelpOption(parsed) : parsed, { from: 'user' });
  } catch (error) {
    // Commander has printed the help or the version.
    if (error instanceof CommanderError && error.exitCode === 0) return;
    const message = error instanceof UsageError ? error.message : await failureText(error);
    await endCommand(1, shortenArguments(message, args));
  }
}

function commandLine(termination: TerminationSignals): Command {
  const program = new Command('gatehouse')
    .description('Runs and operates Gatehouse, a self-hosted users-and-tokens API.')
    .usage('COMMAND')
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [COMMAND…]', 'print the help of a command')
    // Errors are written once, by runCommandLine.
    .configureOutput({ writeErr: () => undefined });
  for (const addCommand of COMMANDS) addCommand(program, termination);
  addErrorsAndHelp(program);
  program.hook('preAction', (_program, command) => {
    if (!PRINTING_COMMANDS.has(command.name())) finishBeforeOutput();
  });
  program.hook('postAction', (_program, command) => reportLostOutput(runnableName(command)));
  return program;
}

/**
 * Whether the arguments begin with a command that does not exist: with `--help`, commander would print
 * the help of the level above.
 */
function hasUnknownCommand(command: Command, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined || name.startsWith('-') || command.commands.length === 0) return false;
  const subcommand = command.commands.find((each) => each.name() === name);
  return subcommand === undefined || hasUnknownCommand(subcommand, rest);
}

function withoutHelpOption(args: readonly string[]): string[] {
  return args.filter((arg) => arg !== '--help' && arg !== '-h');
}

function addErrorsAndHelp(command: Command): void {
  command.exitOverride((error) => {
    throw error.exitCode === 0 ? error : usageError(command, error.message);
  });
  command.addHelpText('after', () => helpText(command));
  for (const subcommand of command.commands) addErrorsAndHelp(subcommand);
}

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

async function failureText(error: unknown): Promise<string> {
  // Loaded late: a help and a wrong command line do not need it.
  const { describeFailure } = await import('./failure-description.js');
  return describeFailure(error);
}
