import type { Command } from 'commander';
import { isCheckout, operatorCommand, operatorProgram, type OperatorCommand } from '../config/operator-commands.js';

const MAX_QUOTED = 80;
const HELP_HINT = '--help lists the commands';

/** The command line is wrong: nothing was done. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** One line: how the command is used, and what is wrong; `message` is the parser's. */
export function usageError(command: Command, message: string): UsageError {
  const reason = message
    .replace(/^error: /, '')
    .replace('(outputHelp)', `missing command; ${HELP_HINT}`)
    .replace(/^command-argument value ('.*') is invalid for argument '.*?'\. /s, '$1 ')
    .replace(/^option '.*?' argument ('.*') is invalid\. /s, '$1 ')
    .replace(/\n\(Did you mean (.+)\?\)$/, ', did you mean $1?')
    .replace(/^unknown command '.*'$/, `$&; ${HELP_HINT}`)
    .replace(/^unknown command .*\?$/, `$& ${HELP_HINT}`)
    .replace(/(?<=^too many arguments .* but got \d+: ).*$/s, shorten)
    .replace(/\.$/, '');
  return new UsageError(`usage: ${runnable(command)} (${reason})`);
}

/** What follows the arguments and options in a help. */
export function helpText(command: Command): string {
  const isTop = command.parent === null;
  return [
    '',
    'Exit codes: 0 done; 1 not done, stderr says in one line why and what to do; 128 + n ended by signal n.',
    ...(isTop ? [`\`${operatorProgram} COMMAND --help\` says what a command does, takes and needs.`] : []),
    ...(isCheckout ? [`In this checkout: ${runnable(command)}${isTop ? '' : ' (builds first)'}`] : []),
    ...(isCheckout || operatorProgram === 'gatehouse' ? [] : [`Here: ${runnable(command)}`]),
    '',
  ].join('\n');
}

/** Quotes at most 80 characters of each argument in the message. */
export function shortenArguments(message: string, args: readonly string[]): string {
  const quoted = args.flatMap((arg) => [arg, arg.slice(arg.indexOf('=') + 1)]);
  return quoted.filter((arg) => arg.length > MAX_QUOTED).reduce((text, arg) => text.replaceAll(arg, shorten), message);
}

/** The command without arguments, as the operator can run it here. */
export function runnableName(command: Command): string {
  const [name, ...actions] = pathOf(command);
  return operatorCommand(name as OperatorCommand, actions.join(' '));
}

/** The command with its arguments as the operator can run it here. */
function runnable(command: Command): string {
  const [name, ...actions] = pathOf(command);
  const args = command.usage().replace('[options]', '');
  if (name === undefined) return `${operatorProgram} ${args}`;
  return operatorCommand(name as OperatorCommand, [...actions, args].join(' ').trim());
}

function pathOf(command: Command): string[] {
  const path: string[] = [];
  for (let at: Command | null = command; at?.parent; at = at.parent) path.unshift(at.name());
  return path;
}

function shorten(text: string): string {
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED).toWellFormed()}…` : text;
}
