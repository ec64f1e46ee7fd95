import { performance } from 'node:perf_hooks';
import { Connection, type Answer } from './http-connection.ts';
import { quantile, shuffled } from './statistics.ts';

const CONNECTIONS = 40;

/** A request header with a credential. */
export type Credential = readonly [name: 'authorization' | 'cookie', value: string];

export const bearer = (token: string): Credential => ['authorization', `Bearer ${token}`];

/** Requests for one URL, one after the other. */
export interface RequestSource {
  readonly url: URL;
  /** The expected status; any other is an error. */
  readonly status: number;
  /** Undefined when there is none left. */
  nextRequest(): Buffer | undefined;
  /** Is given the body of each answer, in the order of the answers. */
  receive?(body: string): void;
}

/** Prepared requests for one URL; {@link nextRequest} returns one after the other. */
export class Load implements RequestSource {
  readonly url: URL;
  /** The expected status; any other is an error. */
  readonly status: number;
  readonly #isOnce: boolean;
  #requests: readonly Buffer[] = [];
  #next = 0;

  /**
   * Sends the credentials in one random order, repeatedly or `once`.
   * @param options.status the expected status, by default 200
   */
  constructor(url: string, credentials: readonly Credential[], options: { status?: number; once?: boolean } = {}) {
    this.url = new URL(url);
    this.status = options.status ?? 200;
    this.#isOnce = options.once ?? false;
    this.setCredentials(credentials);
  }

  setCredentials(credentials: readonly Credential[]): void {
    const { pathname, host } = this.url;
    this.#requests = shuffled(credentials).map(([name, value]) =>
      Buffer.from(`GET ${pathname} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n${name}: ${value}\r\n\r\n`),
    );
    this.#next = 0;
  }

  /** The next request; undefined when all were sent and `once` is set. */
  nextRequest(): Buffer | undefined {
    if (this.#next === this.#requests.length && !this.#isOnce) this.#next = 0;
    return this.#requests[this.#next++];
  }
}

export interface Amount {
  readonly seconds: number;
  /** Requests per second, evenly spread; without it, as many as the server answers. */
  readonly rate?: number;
  /** Continues beyond the time until this many requests were sent. */
  readonly atLeast?: number;
}

export interface Driven {
  readonly answered: number;
  readonly requestsPerSecond: number;
  readonly p99Milliseconds: number;
  /** Share of its core that this process used. */
  readonly generatorShare: number;
}

/** Decides which worker of a node accepts how many of the connections, by calling `open` for some at a time. */
export type Placement = (open: (count: number) => Promise<void>, total: number) => Promise<void>;

/**
 * Opens 40 connections for the load, with one request at a time on each. Another status, an answer without
 * Content-Length, or a broken connection is an error.
 */
export async function openLoad(
  load: RequestSource,
  placement?: Placement,
): Promise<{ drive(amount: Amount): Promise<Driven>; close(): void }> {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const fail = (error: unknown): void => failed.reject(new Error(`${load.url.href}: ${String(error)}`));
  const opening = openConnections(load.url, CONNECTIONS, fail, placement, () => load.nextRequest());
  const connections = await Promise.race([opening, failed.promise]);
  return {
    drive: (amount) => Promise.race([drive(connections, load, amount), failed.promise]),
    close: () => connections.forEach((connection) => connection.close()),
  };
}

/** @param next a request that each connection of a {@link Placement} sends first: only then it is sure who accepted it */
export async function openConnections(
  url: URL,
  total: number,
  fail: (error: unknown) => void,
  placement: Placement | undefined,
  next: () => Buffer | undefined,
): Promise<Connection[]> {
  const connections: Connection[] = [];
  const open = async (count: number): Promise<void> => {
    const added = Array.from({ length: count }, () => new Connection(url, fail));
    connections.push(...added);
    await Promise.all(added.map((connection) => connection.opened));
    if (placement !== undefined) await Promise.all(added.map((connection) => askOnce(connection, next())));
  };
  await (placement === undefined ? open(total) : placement(open, total));
  return connections;
}

/** Resolves with the status. */
export async function askOnce(connection: Connection, request: Buffer | undefined): Promise<number> {
  if (request === undefined) return 0;
  return new Promise((resolve) => connection.ask(request, (_connection, { status }) => resolve(status)));
}

async function drive(connections: readonly Connection[], load: RequestSource, amount: Amount): Promise<Driven> {
  const { rate, seconds, atLeast = 0 } = amount;
  const idle = [...connections];
  const latencies: number[] = [];
  const done = Promise.withResolvers<void>();
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const elapsedSeconds = (): number => (performance.now() - startedAt) / 1000;
  let sent = 0;
  let areAllSent = false;

  const isOver = (): boolean =>
    areAllSent || (rate === undefined ? sent >= atLeast && elapsedSeconds() >= seconds : sent >= rate * seconds);
  const isDue = (): boolean => rate === undefined || sent < elapsedSeconds() * rate;
  const sendDue = (): void => {
    while (idle.length > 0 && isDue() && !isOver()) {
      const request = load.nextRequest();
      if (request === undefined) areAllSent = true;
      else {
        sent++;
        idle.shift()?.ask(request, answered);
      }
    }
    if (idle.length === connections.length && isOver()) done.resolve();
  };
  const answered = (connection: Connection, { status, askedAt, body }: Answer): void => {
    if (status !== load.status) throw new Error(`answered ${status}: ${body}`);
    load.receive?.(body);
    latencies.push(performance.now() - askedAt);
    idle.push(connection);
    sendDue();
  };
  const timer = setInterval(sendDue, 1);
  sendDue();
  await done.promise.finally(() => clearInterval(timer));

  const elapsed = elapsedSeconds();
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    answered: latencies.length,
    requestsPerSecond: latencies.length / elapsed,
    p99Milliseconds: quantile(latencies, 0.99),
    generatorShare: (user + system) / 1e6 / elapsed,
  };
}
