import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

type Direction = 'requests' | 'answers';

/** A TCP proxy that can be slow, deaf or dead at will, on 127.0.0.1. */
export class Proxy {
  readonly #pairs = new Set<{ readonly client: Socket; readonly upstream: Socket }>();
  readonly #held = new Set<Direction>();
  #isCut = false;

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** Closed when the test is over. */
  static async before(target: URL): Promise<Proxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new Proxy(server, (server.address() as AddressInfo).port);
    server.on('connection', (client) => proxy.#join(client, connect(Number(target.port), target.hostname)));
    onTestFinished(() => proxy.#close());
    return proxy;
  }

  /** Connections that are open through it. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Passes nothing on in this direction until {@link release}; nobody notices a closed connection either. */
  hold(direction: Direction): void {
    this.#held.add(direction);
    for (const pair of this.#pairs) this.#source(pair, direction).pause();
  }

  release(): void {
    this.#held.clear();
    for (const { client, upstream } of this.#pairs) {
      client.resume();
      upstream.resume();
    }
  }

  /** Breaks every connection and refuses new ones until {@link restore}. */
  cut(): void {
    this.#isCut = true;
    this.drop();
  }

  restore(): void {
    this.#isCut = false;
  }

  /** Breaks every connection once. */
  drop(): void {
    for (const { client, upstream } of this.#pairs) {
      client.resetAndDestroy();
      upstream.destroy();
    }
  }

  #source({ client, upstream }: { client: Socket; upstream: Socket }, direction: Direction): Socket {
    return direction === 'requests' ? client : upstream;
  }

  #join(client: Socket, upstream: Socket): void {
    const pair = { client, upstream };
    this.#pairs.add(pair);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.setNoDelay().on('error', () => undefined);
      from.on('data', (chunk) => to.write(chunk));
      from.on('close', () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    }
    if (this.#isCut) this.drop();
    for (const direction of this.#held) this.#source(pair, direction).pause();
  }

  async #close(): Promise<void> {
    this.drop();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** The same database through a proxy. */
export function through(proxy: Proxy, databaseUrl: string): string {
  const url = new URL(databaseUrl);
  url.port = String(proxy.port);
  return url.href;
}
