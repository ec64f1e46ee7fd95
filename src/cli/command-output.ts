import { endCommand } from './end-command.js';

let failure: NodeJS.ErrnoException | undefined;
let isOutputTheWork = true;
let lossAdvice = '';

/**
 * Handles a stdout that fails. A command whose work is to print ends at once: with 0 if the reader closed the output
 * (`| head`), otherwise with 1. After {@link finishBeforeOutput} the command runs to its end first.
 */
export function handleOutputFailure(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    failure ??= error;
    if (isOutputTheWork) void endCommand(...exitAfter(error, 'The output'));
  });
  process.stderr.on('error', () => undefined);
}

/** For a command that changes something: what it prints is only a report of that. */
export function finishBeforeOutput(): void {
  isOutputTheWork = false;
}

/** What to do if the output is lost, for the message. */
export function adviseOnLostOutput(advice: string): void {
  lossAdvice = advice;
}

/** At the end of a command that changed something: ends it with a message if its output could not be written. */
export async function reportLostOutput(command: string): Promise<void> {
  await new Promise<void>((done) => process.stdout.write('', () => done()));
  if (failure !== undefined && !isOutputTheWork) {
    await endCommand(...exitAfter(failure, `\`${command}\` was done, but the output`));
  }
}

function exitAfter({ code, message }: NodeJS.ErrnoException, subject: string): [code: number, message?: string] {
  if (code === 'EPIPE') return [0];
  const advice =
    lossAdvice || (isOutputTheWork ? 'Free the disk or choose another output, and run the command again.' : '');
  return [1, `${subject} cannot be written: ${message}. ${advice}`];
}
