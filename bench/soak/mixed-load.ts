import { setTimeout as pause } from 'node:timers/promises';
import { forwardedFor } from '../api-requests.ts';
import { Connection, type Answer } from '../http-connection.ts';
import { quantile } from '../statistics.ts';
import type { ClientRequest, Kind, SimulatedClients } from './simulated-clients.ts';

/** Keep-alive connections, as of a proxy; a request beyond them waits for one, and its latency includes that. */
const MAX_CONNECTIONS = 64;
/** Every so many requests are sent on a connection of their own. */
const FRESH_EVERY = 50;
/** An idle connection is not used any more after this time: earlier than the server closes it. */
const MAX_IDLE_MILLISECONDS = 10_000;
/** Beyond so many unanswered requests, what is due is not sent: the node does not keep up. */
const MAX_IN_PROGRESS = 1000;
/** A longer time without a turn of the event loop is a pause of the generator. */
const MAX_PAUSE_MILLISECONDS = 50;
/** Requests without an answer that are no queue, in seconds of the pace. */
const MAX_QUEUE_SECONDS = 0.1;
/** Longest wait for the last answers. */
const PATIENCE_MILLISECONDS = 20_000;

/** Of one kind of request, in one window of time; from the moment when each was due. */
export interface Latencies {
  readonly count: number;
  readonly p50Milliseconds: number;
  readonly p99Milliseconds: number;
}

export interface LoadWindow {
  readonly answered: number;
  readonly latencies: Readonly<Partial<Record<Kind, Latencies>>>;
  /** Number of answers with another status than expected, as `login: 503 service_unavailable`. */
  readonly unexpected: Readonly<Record<string, number>>;
  /** Requests whose connection broke. */
  readonly broken: number;
  /** Requests that were due and not sent, because too many others had no answer yet. */
  readonly withheld: number;
  /** Requests that were due while the generator itself did not run, and that were not sent. */
  readonly missed: number;
  /** Connections opened. */
  readonly opened: number;
}

interface IdleConnection {
  readonly connection: Connection;
  readonly since: number;
}

/** Sends the requests of simulated clients over keep-alive connections, and some over fresh ones. */
export class MixedLoad {
  readonly #url: URL;
  readonly #clients: SimulatedClients;
  readonly #idle: IdleConnection[] = [];
  readonly #open = new Set<Connection>();
  /** Of connections with a request in progress. */
  readonly #failures = new Map<Connection, (error: unknown) => void>();
  /** Requests that wait for a connection. */
  readonly #waiting: (() => void)[] = [];
  #freeSlots = MAX_CONNECTIONS;
  #sent = 0;
  #inProgress = 0;
  #times: Partial<Record<Kind, number[]>> = {};
  #unexpected: Record<string, number> = {};
  #broken = 0;
  #withheld = 0;
  #missed = 0;
  #opened = 0;

  constructor(url: string, clients: SimulatedClients) {
    this.#url = new URL(url);
    this.#clients = clients;
  }

  /** Signs this part of the users in. */
  async logInFirst(part: number): Promise<void> {
    await this.#atOnce(4, () => this.#clients.nextOfFirstLogins(part));
  }

  /** Whether the node answers so many requests per second, each as expected. Ends with the first that is not. */
  async canAnswer(perSecond: number, seconds: number): Promise<boolean> {
    this.takeWindow();
    const startedAt = performance.now();
    const stop = this.start(perSecond);
    while (!this.#hasFailed() && performance.now() - startedAt < seconds * 1000) await pause(20);
    // A queue that has grown in these seconds is beyond the capacity too.
    const isBehind = this.#inProgress > perSecond * MAX_QUEUE_SECONDS;
    await stop();
    return !isBehind && !this.#hasFailed();
  }

  /** Sends each request at its time, whether or not earlier ones were answered. @returns a function that ends it */
  start(perSecond: number): () => Promise<void> {
    const startedAt = performance.now();
    let lastTurn = startedAt;
    let due = 0;
    const timer = setInterval(() => {
      const now = performance.now();
      // Sent all at once, what was due in a pause of the generator would be a burst that no client sent.
      const from = now - lastTurn > MAX_PAUSE_MILLISECONDS ? now : lastTurn;
      this.#missed += ((from - lastTurn) / 1000) * perSecond;
      for (due += ((now - from) / 1000) * perSecond; due >= 1; due--) {
        if (this.#inProgress < MAX_IN_PROGRESS) void this.#send(this.#clients.nextRequest());
        else this.#withheld++;
      }
      lastTurn = now;
    }, 1);
    return async () => {
      clearInterval(timer);
      const giveUpAt = performance.now() + PATIENCE_MILLISECONDS;
      while (this.#inProgress > 0 && performance.now() < giveUpAt) await pause(10);
    };
  }

  /** What was answered since the last call. */
  takeWindow(): LoadWindow {
    const entries = Object.entries(this.#times) as [Kind, number[]][];
    const latencies = Object.fromEntries(entries.map(([kind, times]) => [kind, latenciesOf(times)]));
    const answered = entries.reduce((sum, [, { length }]) => sum + length, 0);
    const counts = {
      unexpected: this.#unexpected,
      broken: this.#broken,
      withheld: this.#withheld,
      missed: this.#missed,
      opened: this.#opened,
    };
    this.#times = {};
    this.#unexpected = {};
    this.#broken = 0;
    this.#withheld = 0;
    this.#missed = 0;
    this.#opened = 0;
    return { answered, latencies, ...counts };
  }

  close(): void {
    for (const connection of this.#open) connection.close();
  }

  #hasFailed(): boolean {
    return this.#broken + this.#withheld + Object.keys(this.#unexpected).length > 0;
  }

  async #atOnce(count: number, next: () => ClientRequest | undefined): Promise<void> {
    const work = async (): Promise<void> => {
      for (let request = next(); request !== undefined; request = next()) await this.#send(request);
    };
    await Promise.all(Array.from({ length: count }, work));
  }

  /** Resolves when the request was answered, or its connection broke. */
  async #send(given: ClientRequest): Promise<void> {
    const dueAt = performance.now();
    const isFresh = ++this.#sent % FRESH_EVERY === 0;
    this.#inProgress++;
    if (!isFresh) await this.#takeSlot();
    const { promise: failed, reject } = Promise.withResolvers<never>();
    const connection = (isFresh ? undefined : this.#takeIdle()) ?? this.#connect();
    this.#failures.set(connection, reject);
    try {
      const answered = connection.opened.then(
        () => new Promise<Answer>((resolve) => connection.ask(this.#bytesOf(given, isFresh), (_, it) => resolve(it))),
      );
      this.#receive(given, await Promise.race([answered, failed]), dueAt);
      if (isFresh) this.#drop(connection);
      else this.#idle.push({ connection, since: performance.now() });
    } catch {
      this.#broken++;
      this.#drop(connection);
    } finally {
      this.#failures.delete(connection);
      given.settle();
      this.#inProgress--;
      if (!isFresh) this.#giveSlot();
    }
  }

  async #takeSlot(): Promise<void> {
    if (this.#freeSlots > 0) this.#freeSlots--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #giveSlot(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#freeSlots++;
    else next();
  }

  #receive({ kind, request, accept }: ClientRequest, { status, body }: Answer, dueAt: number): void {
    (this.#times[kind] ??= []).push(performance.now() - dueAt);
    if (status === request.status) return accept(body);
    const name = `${kind}: ${status} ${/"code":"(\w+)"/.exec(body)?.[1] ?? ''}`.trim();
    this.#unexpected[name] = (this.#unexpected[name] ?? 0) + 1;
  }

  #connect(): Connection {
    this.#opened++;
    const connection: Connection = new Connection(this.#url, (error) => {
      this.#failures.get(connection)?.(error);
      this.#drop(connection);
    });
    this.#open.add(connection);
    return connection;
  }

  /** The one that has been idle for longest, so that none stays idle. */
  #takeIdle(): Connection | undefined {
    for (let idle = this.#idle.shift(); idle !== undefined; idle = this.#idle.shift()) {
      const isOld = performance.now() - idle.since > MAX_IDLE_MILLISECONDS;
      if (!isOld && this.#open.has(idle.connection)) return idle.connection;
      this.#drop(idle.connection);
    }
    return undefined;
  }

  #drop(connection: Connection): void {
    this.#open.delete(connection);
    connection.close();
  }

  #bytesOf({ request, address }: ClientRequest, isFresh: boolean): Buffer {
    const { method, path, headers, body } = request;
    const lines = Object.entries({
      host: this.#url.host,
      'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) soak',
      connection: isFresh ? 'close' : 'keep-alive',
      ...headers,
      ...forwardedFor(address),
    });
    if (body !== undefined) lines.push(['content-length', String(Buffer.byteLength(body))]);
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    return Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n${body ?? ''}`);
  }
}

function latenciesOf(times: readonly number[]): Latencies {
  return { count: times.length, p50Milliseconds: quantile(times, 0.5), p99Milliseconds: quantile(times, 0.99) };
}
