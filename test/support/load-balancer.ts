import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

const PROBE_MS = 100;

interface Backend {
  readonly url: URL;
  readonly agent: Agent;
  isReady: boolean;
}

/**
 * A minimal HTTP load balancer: keeps connections alive, polls `/health/serving`, uses the serving nodes round-robin,
 * and tries another node only if a connection was refused. A request that was sent is never repeated.
 */
export class LoadBalancer {
  readonly #backends: readonly Backend[];
  #turn = 0;

  private constructor(
    private readonly server: Server,
    private readonly probe: NodeJS.Timeout,
    nodes: readonly URL[],
  ) {
    this.#backends = nodes.map((url) => ({ url, agent: new Agent({ keepAlive: true }), isReady: false }));
  }

  /** Starts it; closed at the end of the test. */
  static async start(nodes: readonly URL[]): Promise<LoadBalancer> {
    const server = createServer((incoming, outgoing) => void balancer.#forward(incoming, outgoing));
    const probe: NodeJS.Timeout = setInterval(() => balancer.#probeAll(), PROBE_MS);
    const balancer: LoadBalancer = new LoadBalancer(server, probe, nodes);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => balancer.#close());
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  ready(): number {
    return this.#backends.filter(({ isReady }) => isReady).length;
  }

  async #forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = Buffer.concat(await incoming.toArray());
    for (let attempt = 0; attempt < 20; attempt++) {
      const ready = this.#backends.filter(({ isReady }) => isReady);
      const backend = ready[this.#turn++ % Math.max(1, ready.length)];
      if (backend === undefined) break;
      try {
        const answer = await this.#send(backend, incoming, body);
        outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, connection: 'keep-alive' });
        answer.pipe(outgoing);
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') break;
        backend.isReady = false;
      }
    }
    outgoing.writeHead(502).end('{}');
  }

  async #send({ url, agent }: Backend, { method, url: path, headers }: IncomingMessage, body: Buffer) {
    const sending = request(new URL(path ?? '/', url), { method: method ?? 'GET', headers, agent });
    sending.end(body);
    const [answer] = (await once(sending, 'response')) as [IncomingMessage];
    return answer;
  }

  #probeAll(): void {
    for (const backend of this.#backends) void this.#probeOne(backend);
  }

  async #probeOne(backend: Backend): Promise<void> {
    const { ok } = await fetch(new URL('/health/serving', backend.url)).catch(() => ({ ok: false }));
    backend.isReady = ok;
  }

  async #close(): Promise<void> {
    clearInterval(this.probe);
    for (const { agent } of this.#backends) agent.destroy();
    this.server.close();
    this.server.closeAllConnections();
  }
}
