/** A list, such as of the statements to run. */
const INDENTED_LINES = /\n {2}\S/;
/** Line breaks and what else would not stay on one line of a terminal. */
const CONTROL_CHARACTERS = /\s*\p{Cc}+\s*/gu;

let ending: Promise<never> | undefined;
let releaseResources: (() => Promise<void>) | undefined;

/** Has {@link endCommand} do the work before the process ends. */
export function releaseAtEnd(work: () => Promise<void>): void {
  releaseResources = work;
}

/**
 * Ends the process while the command still runs; the message is written as one line, unless it has a list. Only the first call counts:
 * a failure that follows from the end itself is not printed.
 */
export function endCommand(code: number, message?: string): Promise<never> {
  if (ending === undefined && message !== undefined) process.stderr.write(`${onOneLine(message)}\n`);
  ending ??= end(code);
  return ending;
}

/** The end under way, which never resolves; undefined while the command runs. */
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
