import { write, writeSync } from 'node:fs';

/** Characters that wait for a sink which takes none. */
const MOST_WAITING = 4_000_000;
const RETRY_MS = 50;
/** Longest time, at the end of the process, for what still waits. */
const LAST_MS = 500;
const WARN = 40;

/**
 * Where log lines go: a file descriptor that may be slow, full or closed. What it does not take waits and is tried again; what is
 * over the bound is dropped, and counted in a line of its own. No request waits for a line, and no line ends the process.
 */
export class BufferedLogOutput {
  #waiting: string[] = [];
  #waitingLength = 0;
  #lost = 0;
  /** What is left of the lines that are being written. */
  #chunk = Buffer.alloc(0);
  #state: 'idle' | 'writing' | 'pausing' = 'idle';

  constructor(
    private readonly fd: number,
    private readonly mostWaiting = MOST_WAITING,
  ) {}

  write(line: string): void {
    if (this.#waitingLength + line.length > this.mostWaiting) {
      this.#lost++;
      return;
    }
    this.#waiting.push(line);
    this.#waitingLength += line.length;
    if (this.#state === 'idle') this.#writeOn();
  }

  /** For the end of the process: writes what waits, as far as the sink takes it. */
  flush(): void {
    const until = performance.now() + LAST_MS;
    // What is being written is not written twice.
    let rest = Buffer.concat([this.#state === 'writing' ? Buffer.alloc(0) : this.#chunk, this.#take()]);
    while (rest.length > 0 && performance.now() < until) {
      try {
        rest = rest.subarray(writeSync(this.fd, rest));
      } catch {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
      }
    }
  }

  #writeOn(): void {
    if (this.#chunk.length === 0) this.#chunk = this.#take();
    this.#state = this.#chunk.length === 0 ? 'idle' : 'writing';
    if (this.#state === 'idle') return;
    write(this.fd, this.#chunk, (error, written) => {
      this.#chunk = this.#chunk.subarray(written);
      if (error === null) this.#writeOn();
      else this.#pause();
    });
  }

  #pause(): void {
    this.#state = 'pausing';
    setTimeout(() => this.#writeOn(), RETRY_MS).unref();
  }

  #take(): Buffer<ArrayBuffer> {
    if (this.#lost > 0) {
      const notice = { level: WARN, time: new Date().toISOString(), event: 'log_lines_lost', lost: this.#lost };
      this.#waiting.push(`${JSON.stringify(notice)}\n`);
      this.#lost = 0;
    }
    const lines = Buffer.from(this.#waiting.join(''));
    this.#waiting = [];
    this.#waitingLength = 0;
    return lines;
  }
}

let standardOutput: BufferedLogOutput | undefined;

/** The standard output of this process; what waits for it is written when the process ends. */
export function standardOutputLog(): BufferedLogOutput {
  if (standardOutput === undefined) {
    // Asking for the number also makes a pipe non-blocking: one that nobody reads would hold a thread for ever.
    const sink = new BufferedLogOutput(process.stdout.fd ?? 1);
    process.once('exit', () => sink.flush());
    standardOutput = sink;
  }
  return standardOutput;
}
