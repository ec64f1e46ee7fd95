import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export type Direction = 'requests' | 'answers';

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  /** Whether the connection is from an application's pool, not from its change feed. */
  isOfPool?: boolean;
}

/** A TCP proxy on 127.0.0.1 that can hold traffic, break connections and refuse them. */
export class TcpProxy {
  readonly #pairs = new Set<Pair>();
  readonly #held = new Set<Direction>();
  #isCut = false;
  #cutting: { readonly direction: Direction; left: number } | undefined;

  private constructor(
    private readonly server: Server,
    readonly port: number,
    private target: URL,
  ) {}

  /** Starts it; closed at the end of the test (or of the file, if called outside of a test). */
  static async start(
    target: URL,
    onFinished: (clean: () => Promise<void>) => void = onTestFinished,
  ): Promise<TcpProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new TcpProxy(server, (server.address() as AddressInfo).port, target);
    server.on('connection', (client) => proxy.#join(client, connectTo(proxy.target)));
    onFinished(() => proxy.#close());
    return proxy;
  }

  /** The number of open connections. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Forwards nothing in this direction until {@link release}, not even the end of a connection. */
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

  /** Sends new connections to another server, and breaks the open ones. */
  redirectTo(target: URL): void {
    this.target = target;
    this.drop();
  }

  /** Breaks every connection once. */
  drop(): void {
    for (const pair of this.#pairs) this.#break(pair);
  }

  /**
   * Breaks one connection of the pool instead of forwarding the n-th packet in this direction from now on.
   * @returns a function that cancels this and tells whether it has happened
   */
  cutAtPacket(count: number, direction: Direction): () => boolean {
    const cutting = { direction, left: count };
    this.#cutting = cutting;
    return () => {
      this.#cutting = undefined;
      return cutting.left === 0;
    };
  }

  #break({ client, upstream }: Pair): void {
    client.resetAndDestroy();
    upstream.destroy();
  }

  #source({ client, upstream }: Pair, direction: Direction): Socket {
    return direction === 'requests' ? client : upstream;
  }

  #pass(pair: Pair, direction: Direction, chunk: Buffer): void {
    // The first packet contains the application name.
    pair.isOfPool ??= chunk.includes('application_name\0gatehouse\0');
    const cutting = this.#cutting;
    if (cutting?.direction === direction && pair.isOfPool && cutting.left > 0 && --cutting.left === 0)
      this.#break(pair);
    else this.#source(pair, direction === 'requests' ? 'answers' : 'requests').write(chunk);
  }

  #join(client: Socket, upstream: Socket): void {
    const pair: Pair = { client, upstream };
    this.#pairs.add(pair);
    for (const direction of ['requests', 'answers'] as const) {
      const [from, to] = direction === 'requests' ? [client, upstream] : [upstream, client];
      from.setNoDelay().on('error', () => undefined);
      from.on('data', (chunk: Buffer) => this.#pass(pair, direction, chunk));
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

/** Connects by TCP, or by the Unix socket in the URL. */
function connectTo({ hostname, port, searchParams }: URL): Socket {
  const folder = searchParams.get('host');
  return folder === null ? connect(Number(port), hostname) : connect(`${folder}/.s.PGSQL.${port}`);
}

/** The URL of the same database through the proxy. */
export function proxiedUrl(proxy: TcpProxy, databaseUrl: string): string {
  const url = new URL(databaseUrl);
  url.searchParams.delete('host');
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  return url.href;
}
