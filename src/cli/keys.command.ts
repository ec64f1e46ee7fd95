import { type Command, InvalidArgumentError } from 'commander';
import type { TerminationSignals } from '../config/termination-signals.js';

const NEEDS =
  'Works beside the running service. Needs a migrated database and its MASTER_SECRET, and no JWT_SECRET, whose keys are changed by hand.';

export function addKeysCommand(program: Command, termination: TerminationSignals): void {
  const keys = program
    .command('keys')
    .usage('list | rotate | revoke KID')
    .summary('list, rotate or revoke signing keys')
    .description(`What an operator does to the signing keys. Each action ends by printing them. ${NEEDS}`)
    .helpCommand(false);
  keys
    .command('list')
    .summary('print all keys')
    .description(`Prints a line for each key: kid, algorithm, state and since when, separated by tabs. ${NEEDS}`)
    .action(async () => (await import('./keys.action.js')).runKeysList(termination));
  keys
    .command('rotate')
    .summary('have the next key sign from now on')
    .description(`Has the next key sign from now on, once it has been published for KEY_PUBLISH_SECONDS. ${NEEDS}`)
    .action(async () => (await import('./keys.action.js')).runKeysRotate(termination));
  keys
    .command('revoke')
    .usage('KID')
    .summary('end a key and all its tokens')
    .description(`Ends a key that leaked and all its tokens, on every node within a second. ${NEEDS}`)
    .argument('<KID>', 'the key, as `keys list` prints it', parseKid)
    // A kid may begin with a hyphen.
    .allowUnknownOption()
    .action(async (kid: string) => (await import('./keys.action.js')).runKeysRevoke(termination, kid));
}

function parseKid(text: string): string {
  if (text === '') throw new InvalidArgumentError('is empty');
  return text;
}
