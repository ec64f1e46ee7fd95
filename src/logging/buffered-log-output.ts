import { write, writeSync } from 'node:fs';

/** Most characters that wait while the descriptor accepts none. */
const MAX_BUFFERED_CHARACTERS = 4_000_000;
const RETRY_MS = 50;
/** Most time for the last flush, at the end of the process. */
const FINAL_FLUSH_MS = 500;
const WARN = 40;

/**
 * Writes log lines to a file descriptor that may be slow, full or closed. Lines that it does not accept are buffered
 * and tried again; lines over the limit are dropped, and a line `log_lines_lost` says how many. No request waits for a
 * line, and no failed write ends the process.
 */
export class BufferedLogOutput {
  #buffered: string[] = [];
  #bufferedCharacters = 0;
  #lost = 0;
  /** The unwritten rest of the lines that are being written. */
  #chunk = Buffer.alloc(0);
  #state: 'idle' | 'writing' | 'pausing' = 'idle';

  constructor(
    private readonly fd: number,
    private readonly maxCharacters = MAX_BUFFERED_CHARACTERS,
  ) {}

  write(line: string): void {
    if (this.#bufferedCharacters + line.length > this.maxCharacters) {
      this.#lost++;
      return;
    }
    this.#buffered.push(line);
    this.#bufferedCharacters += line.length;
    if (this.#state === 'idle') this.#writeNext();
  }

  /** At the end of the process: writes the buffered lines, as far as the descriptor accepts them in time. */
  flush(): void {
    const until = performance.now() + FINAL_FLUSH_MS;
    // A chunk whose write is under way must not be written twice.
    let rest = Buffer.concat([this.#state === 'writing' ? Buffer.alloc(0) : this.#chunk, this.#takeBuffered()]);
    while (rest.length > 0 && performance.now() < until) {
      try {
        rest = rest.subarray(writeSync(this.fd, rest));
      } catch {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
      }
    }
  }

  #writeNext(): void {
    if (this.#chunk.length === 0) this.#chunk = this.#takeBuffered();
    this.#state = this.#chunk.length === 0 ? 'idle' : 'writing';
    if (this.#state === 'idle') return;
    write(this.fd, this.#chunk, (error, written) => {
      this.#chunk = this.#chunk.subarray(written);
      if (error === null) this.#writeNext();
      else this.#retryLater();
    });
  }

  #retryLater(): void {
    this.#state = 'pausing';
    setTimeout(() => this.#writeNext(), RETRY_MS).unref();
  }

  #takeBuffered(): Buffer<ArrayBuffer> {
    if (this.#lost > 0) {
      const notice = { level: WARN, time: new Date().toISOString(), event: 'log_lines_lost', lost: this.#lost };
      this.#buffered.push(`${JSON.stringify(notice)}\n`);
      this.#lost = 0;
    }
    const lines = Buffer.from(this.#buffered.join(''));
    this.#buffered = [];
    this.#bufferedCharacters = 0;
    return lines;
  }
}

let standardOutput: BufferedLogOutput | undefined;

/** The log of this process on standard output; buffered lines are written when the process ends. */
export function standardOutputLog(): BufferedLogOutput {
  if (standardOutput === undefined) {
    // Reading `process.stdout` also makes a pipe non-blocking: a pipe that nobody reads would block a thread for ever.
    const output = new BufferedLogOutput(process.stdout.fd ?? 1);
    process.once('exit', () => output.flush());
    standardOutput = output;
  }
  return standardOutput;
}
