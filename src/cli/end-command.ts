/** A list, such as of the statements to run, or an excerpt of a log. */
const INDENTED_LINES = /\n {2}\S/;
/** Line breaks and other characters that would not stay on one line of a terminal. */
const CONTROL_CHARACTERS = /\s*\p{Cc}+\s*/gu;

let ending: Promise<never> | undefined;
let releaseResources: (() => Promise<void>) | undefined;

/** Sets what {@link endCommand} does before the process ends. */
export function releaseAtEnd(work: () => Promise<void>): void {
  releaseResources = work;
}

/**
 * Ends the process while the command still runs. The message is written as one line, unless it has indented lines.
 * Later calls wait for the first one: a failure that the end itself causes is not printed.
 */
export function endCommand(code: number, message?: string): Promise<never> {
  if (ending === undefined && message !== undefined) process.stderr.write(`${onOneLine(message)}\n`);
  ending ??= end(code);
  return ending;
}

/** A promise that never resolves, if the process is ending. */
export function endUnderWay(): Promise<never> | undefined {
  return ending;
}

function onOneLine(message: string): string {
  return INDENTED_LINES.test(message) ? message : message.trim().replaceAll(CONTROL_CHARACTERS, ' ');
}

async function end(code: number): Promise<never> {
  await releaseResources?.();
  process.exit(code);
}
