interface Question {
  readonly question: string;
  readonly given?: unknown;
}

type Answer = (given: never) => unknown;

/** The measured process's side of the harness: sends its URL, then answers the harness's questions until `stop`. */
export function serveHarness(url: string, stop: () => Promise<unknown>, answers: Record<string, Answer> = {}): void {
  const known: Record<string, Answer> = { cpu: cpuMicroseconds, heap: heapBytes, ...answers };
  const answer = async ({ question, given }: Question): Promise<void> => {
    if (question === 'stop') {
      await stop();
      process.exit(0);
    }
    process.send?.({ answer: await known[question]?.(given as never) });
  };
  process.on('message', (message: Question) => void answer(message));
  process.send?.({ answer: url });
}

/** User and system time of all threads. */
function cpuMicroseconds(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
