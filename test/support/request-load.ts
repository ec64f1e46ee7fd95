import { Agent, get } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';

/** What clients saw that sent one request after the other until the server was gone. */
export interface LoadOutcome {
  /** Answers by status. */
  readonly statuses: Readonly<Record<number, number>>;
  /** Errors of requests that the server had accepted, or refused before it accepted later ones: none may be lost. */
  readonly lost: readonly string[];
  /** Errors of connections that were closed before a request on them was answered; HTTP lets a client send it again. */
  readonly closedWhileIdle: readonly string[];
}

interface Failure {
  readonly reason: string;
  /** Of the connection, in the order of opening; undefined if it had been used before. */
  readonly opened: number | undefined;
}

/**
 * Clients that send GET requests, each the next one after the answer: some keep their connection, others open one for
 * each request. Each ends when it can no longer connect.
 */
export class RequestLoad {
  readonly #statuses: Record<number, number> = {};
  readonly #failures: Failure[] = [];
  #opened = 0;
  #lastAnswered = 0;
  readonly #clients: readonly Promise<void>[];

  constructor(
    private readonly url: string,
    private readonly token: string,
    { keepAlive, fresh }: { readonly keepAlive: number; readonly fresh: number },
  ) {
    this.#clients = Array.from({ length: keepAlive + fresh }, (_, index) => this.#send(index < keepAlive));
  }

  get answered(): number {
    return Object.values(this.#statuses).reduce((sum, count) => sum + count, 0);
  }

  async outcome(): Promise<LoadOutcome> {
    await Promise.all(this.#clients);
    // Connections are accepted in the order in which they were opened: what was opened before one that was answered had
    // been accepted. Later ones were still waiting when the listener closed.
    const lost = this.#failures.filter(({ opened }) => opened !== undefined && opened < this.#lastAnswered);
    const closedWhileIdle = this.#failures.filter(({ opened }) => opened === undefined);
    return { statuses: this.#statuses, lost: reasonsOf(lost), closedWhileIdle: reasonsOf(closedWhileIdle) };
  }

  async #send(isKept: boolean): Promise<void> {
    const agent = new Agent({ keepAlive: isKept, maxSockets: 1 });
    for (let isOver = false; !isOver; await turn()) isOver = await this.#sendOne(agent);
    agent.destroy();
  }

  /** Whether the server is gone. */
  #sendOne(agent: Agent): Promise<boolean> {
    return new Promise((resolve) => {
      let opened: number | undefined;
      const headers = { authorization: `Bearer ${this.token}` };
      const sent = get(this.url, { agent, headers }, (response) => {
        // Part of the answer has arrived.
        response.on('error', (error) => fail(error, 0)).resume();
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
          this.#lastAnswered = Math.max(this.#lastAnswered, opened ?? 0);
          resolve(false);
        });
      });
      const fail = (error: NodeJS.ErrnoException, connection = opened): void => {
        this.#failures.push({ reason: String(error), opened: connection });
        resolve(connection !== undefined);
      };
      sent.on('error', (error) => fail(error));
      sent.on('socket', () => {
        if (!sent.reusedSocket) opened = ++this.#opened;
      });
    });
  }
}

const reasonsOf = (failures: readonly Failure[]): string[] => failures.map(({ reason }) => reason);
