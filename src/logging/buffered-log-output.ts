import { fstatSync, write, writeSync } from 'node:fs';

/** Most characters that wait while the descriptor accepts none. */
const MAX_BUFFERED_CHARACTERS = 4_000_000;
/** How long access lines are gathered. A `kill -9` loses them. */
export const BATCH_MS = 5;
/** Pauses after a write that was not accepted: a slow reader of a pipe soon has room again. */
const FIRST_RETRY_MS = 1;
const LONGEST_RETRY_MS = 50;
/** Most time for the last flush, at the end of the process. */
const FINAL_FLUSH_MS = 500;
/**
 * So many bytes enter a pipe or a socket as a whole or not at all (on Linux; pipe(7), PIPE_BUF), so that no line of
 * another worker comes in between.
 */
export const ATOMIC_BYTES = 4096;
const LINE_FEED = 10;
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
  /** How much of the chunk a write is under way for. */
  #bytesUnderWay = 0;
  #retryMs = FIRST_RETRY_MS;
  #state: 'idle' | 'gathering' | 'writing' | 'pausing' = 'idle';
  /** Whether a buffered line is to be written without further gathering. */
  #isUrgent = false;
  readonly #maxBytesPerWrite: number;

  constructor(
    private readonly fd: number,
    private readonly maxCharacters = MAX_BUFFERED_CHARACTERS,
  ) {
    const stat = fstatSync(fd);
    this.#maxBytesPerWrite = stat.isFIFO() || stat.isSocket() ? ATOMIC_BYTES : Infinity;
  }

  /** Writes the line and those before it as soon as possible. */
  write(line: string): void {
    this.#buffer(line);
    this.#isUrgent = true;
    if (this.#state === 'idle' || this.#state === 'gathering') this.#writeNext();
  }

  /** Writes the line within 5 ms, together with others: each write takes a thread of the pool and wakes the event loop. */
  writeSoon(line: string): void {
    this.#buffer(line);
    if (this.#state === 'idle') this.#gather();
  }

  /** At the end of the process: writes the buffered lines, as far as the descriptor accepts them in time. */
  flush(): void {
    const until = performance.now() + FINAL_FLUSH_MS;
    // What is under way must not be written twice.
    let rest = Buffer.concat([this.#chunk.subarray(this.#bytesUnderWay), this.#takeBuffered()]);
    while (rest.length > 0 && performance.now() < until) {
      try {
        rest = rest.subarray(writeSync(this.fd, this.#beginningOf(rest)));
      } catch {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LONGEST_RETRY_MS);
      }
    }
  }

  #buffer(line: string): void {
    if (this.#bufferedCharacters + line.length > this.maxCharacters) {
      this.#lost++;
      return;
    }
    this.#buffered.push(line);
    this.#bufferedCharacters += line.length;
  }

  #gather(): void {
    this.#state = 'gathering';
    setTimeout(() => {
      if (this.#state === 'gathering') this.#writeNext();
    }, BATCH_MS).unref();
  }

  #writeNext(): void {
    if (this.#chunk.length === 0) this.#chunk = this.#takeBuffered();
    const lines = this.#beginningOf(this.#chunk);
    this.#state = 'writing';
    this.#bytesUnderWay = lines.length;
    write(this.fd, lines, (error, written) => {
      this.#chunk = this.#chunk.subarray(written);
      this.#bytesUnderWay = 0;
      this.#continueAfter(error);
    });
  }

  #continueAfter(error: Error | null): void {
    if (error !== null) {
      this.#retryLater();
      return;
    }
    this.#retryMs = FIRST_RETRY_MS;
    if (this.#chunk.length > 0 || this.#isUrgent || this.#lost > 0) this.#writeNext();
    else if (this.#buffered.length > 0) this.#gather();
    else this.#state = 'idle';
  }

  #retryLater(): void {
    this.#state = 'pausing';
    setTimeout(() => this.#writeNext(), this.#retryMs).unref();
    this.#retryMs = Math.min(2 * this.#retryMs, LONGEST_RETRY_MS);
  }

  /** Whole lines, as many as enter at once; a longer line by itself. */
  #beginningOf(lines: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
    if (lines.length <= this.#maxBytesPerWrite) return lines;
    const end = lines.lastIndexOf(LINE_FEED, this.#maxBytesPerWrite - 1);
    return lines.subarray(0, (end === -1 ? lines.indexOf(LINE_FEED) : end) + 1 || lines.length);
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
    this.#isUrgent = false;
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
