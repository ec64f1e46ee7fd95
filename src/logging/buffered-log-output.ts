import { write, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { standardOutputDescriptor, type LogDescriptor } from './log-descriptor.js';
import { utcTimeText } from './utc-time-text.js';

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
/** Most bytes that are written in place in a turn of the event loop, also for a reader that makes room all the time. */
const BYTES_PER_TURN = 16 * ATOMIC_BYTES;
const LINE_FEED = 10;
const WARN = 40;

/**
 * Writes log lines to a file descriptor that may be slow, full or closed. Lines that it does not accept are buffered
 * and tried again; lines over the limit are dropped, and a line `log_lines_lost` says how many. No request waits for a
 * line, and no failed write ends the process.
 *
 * A non-blocking descriptor is written in place: on libuv's thread pool each piece of 4,096 bytes would wait for the
 * signatures of a flood of forgeries, which make more lines than that. A file is written on the pool, because its disk
 * may be slow. It takes all lines in one write, so that no more of them wait than signatures.
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

  constructor(
    private readonly output: LogDescriptor,
    private readonly maxCharacters = MAX_BUFFERED_CHARACTERS,
  ) {}

  /** Writes the line and those before it as soon as possible. */
  write(line: string): void {
    this.#buffer(line);
    this.#isUrgent = true;
    if (this.#state === 'idle' || this.#state === 'gathering') this.#writeNext();
  }

  /** Writes the line within 5 ms, together with others: each write is a system call, and wakes the reader. */
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
        // Another process that ends may have made it blocking.
        this.output.isNonBlocking();
        rest = rest.subarray(writeSync(this.output.fd, this.#beginningOf(rest)));
      } catch {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FIRST_RETRY_MS);
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
    if (this.output.isNonBlocking()) this.#writeInPlace();
    else this.#writeOnPool();
  }

  #writeInPlace(): void {
    const end = Math.max(this.#chunk.length - BYTES_PER_TURN, 0);
    try {
      while (this.#chunk.length > end) {
        this.#chunk = this.#chunk.subarray(writeSync(this.output.fd, this.#beginningOf(this.#chunk)));
        this.#retryMs = FIRST_RETRY_MS;
      }
    } catch {
      this.#retryLater();
      return;
    }
    this.#state = 'writing';
    if (this.#chunk.length > 0) setImmediate(() => this.#writeNext());
    else this.#continue();
  }

  #writeOnPool(): void {
    this.#state = 'writing';
    this.#bytesUnderWay = this.#chunk.length;
    write(this.output.fd, this.#chunk, (error, written) => {
      this.#chunk = this.#chunk.subarray(written);
      this.#bytesUnderWay = 0;
      if (error !== null) {
        this.#retryLater();
        return;
      }
      this.#retryMs = FIRST_RETRY_MS;
      this.#continue();
    });
  }

  #continue(): void {
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
    if (lines.length <= ATOMIC_BYTES) return lines;
    const end = lines.lastIndexOf(LINE_FEED, ATOMIC_BYTES - 1);
    return lines.subarray(0, (end === -1 ? lines.indexOf(LINE_FEED) : end) + 1 || lines.length);
  }

  #takeBuffered(): Buffer<ArrayBuffer> {
    if (this.#lost > 0) {
      const source = { pid: process.pid, hostname: hostname() };
      const notice = { level: WARN, time: utcTimeText(), ...source, event: 'log_lines_lost', lost: this.#lost };
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
    const output = new BufferedLogOutput(standardOutputDescriptor());
    process.once('exit', () => output.flush());
    standardOutput = output;
  }
  return standardOutput;
}
