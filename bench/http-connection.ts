import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

const ANSWER_TIMEOUT_MS = 20_000;

export interface Answer {
  readonly status: number;
  /** Of `performance.now()`, when the request was sent. */
  readonly askedAt: number;
  readonly body: string;
}

type Answered = (connection: Connection, answer: Answer) => void;

/**
 * An HTTP connection on a plain socket, with one request at a time. Parses only the status and the
 * Content-Length of an answer.
 */
export class Connection {
  readonly opened: Promise<void>;
  readonly #socket: Socket;
  #received = '';
  #askedAt = 0;
  #answered: Answered = () => undefined;

  /**
   * @param fail is called for a broken connection, after 20 s without an answer, and for an
   *   answer without Content-Length that is no 204
   */
  constructor(url: URL, fail: (error: unknown) => void) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.opened = promise;
    const receive = (size: number, bytes: Uint8Array): boolean => {
      try {
        this.#receive((bytes as Buffer).toString('latin1', 0, size));
      } catch (error) {
        fail(error);
      }
      return true;
    };
    // One buffer for all reads saves a stream and an allocation per answer.
    const onread = { buffer: Buffer.alloc(65_536), callback: receive };
    this.#socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true, onread }, resolve);
    this.#socket.setTimeout(ANSWER_TIMEOUT_MS, () => fail('no answer'));
    this.#socket.on('error', fail).on('close', () => fail('the connection was closed'));
  }

  ask(request: Buffer, answered: Answered): void {
    this.#answered = answered;
    this.#askedAt = performance.now();
    this.#socket.write(request);
  }

  close(): void {
    this.#socket.removeAllListeners('close').destroy();
  }

  #receive(text: string): void {
    this.#received += text;
    const received = this.#received;
    const end = received.indexOf('\r\n\r\n');
    if (end === -1) return;
    const head = /^HTTP\/1\.1 (?:(204) |(\d{3}) .*\r\ncontent-length: (\d+)\r\n)/is.exec(received.slice(0, end + 2));
    if (head === null) throw new Error(`answered ${received.slice(0, 200)}`);
    const [, noContent, status = noContent, length = 0] = head;
    const missing = end + 4 + Number(length) - received.length;
    if (missing > 0) return;
    if (missing < 0) throw new Error('answered more than was asked');
    this.#received = '';
    this.#answered(this, { status: Number(status), askedAt: this.#askedAt, body: received.slice(end + 4) });
  }
}
