import { readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { ProductNode } from '../server-processes.ts';

/** What a node's process holds at one moment. */
export interface NodeSample {
  readonly residentMegabytes: number;
  /** After a garbage collection. */
  readonly heapMegabytes: number;
  readonly descriptors: number;
  /** CPU time so far, of all threads. */
  readonly cpuSeconds: number;
  /** The node's own metrics. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Metrics that a sample holds, and how their series are put together. */
const METRICS: Readonly<Record<string, 'sum' | 'max'>> = {
  nodejs_eventloop_lag_p99_seconds: 'max',
  gatehouse_database_connections: 'sum',
  gatehouse_database_waiting: 'sum',
  gatehouse_cached_tokens: 'sum',
  gatehouse_revocations: 'max',
  gatehouse_hashes_waiting: 'sum',
  gatehouse_hashes_shed_total: 'sum',
  gatehouse_limited_total: 'sum',
  gatehouse_job_failures_total: 'sum',
};

/** Reads `/proc`, the metrics endpoint and the inspector of a node with one process. */
export class NodeProbe {
  readonly #node: ProductNode;
  readonly #metricsUrl: string;
  readonly #inspector: Inspector;

  private constructor(node: ProductNode, metricsPort: number, inspector: Inspector) {
    this.#node = node;
    this.#metricsUrl = `http://127.0.0.1:${metricsPort}/metrics`;
    this.#inspector = inspector;
  }

  static async open(node: ProductNode, metricsPort: number, inspectorPort: number): Promise<NodeProbe> {
    return new NodeProbe(node, metricsPort, await Inspector.open(inspectorPort));
  }

  async sample(): Promise<NodeSample> {
    const metrics = metricsOf(await (await fetch(this.#metricsUrl)).text());
    const descriptors = this.#node.pids().reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0);
    // One collection; `HeapProfiler.collectGarbage` makes several, which are a tenth of the load in a short run.
    await this.#inspector.ask('Runtime.evaluate', { expression: 'gc()' });
    const { usedSize } = await this.#inspector.ask<{ usedSize: number }>('Runtime.getHeapUsage');
    return {
      residentMegabytes: this.#node.residentBytes() / 1e6,
      heapMegabytes: usedSize / 1e6,
      descriptors,
      cpuSeconds: (await this.#node.cpu()) / 1e6,
      metrics,
    };
  }

  close(): void {
    this.#inspector.close();
  }
}

/** @throws Error when a metric is missing, for example because it was renamed */
export function metricsOf(text: string): Record<string, number> {
  return Object.fromEntries(
    Object.entries(METRICS).map(([name, combine]) => {
      const values = [...text.matchAll(new RegExp(String.raw`^${name}(?:\{.*\})? (\S+)$`, 'gm'))].map(([, value]) =>
        Number(value),
      );
      if (values.length === 0 && !text.includes(`# TYPE ${name} `)) throw new Error(`There is no metric ${name}`);
      return [name, combine === 'max' ? Math.max(0, ...values) : values.reduce((sum, value) => sum + value, 0)];
    }),
  );
}

/** The Chrome DevTools Protocol of a process started with `--inspect` and `--expose-gc`. */
class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  #nextId = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown };
      this.#waiting.get(id ?? 0)?.(result);
      this.#waiting.delete(id ?? 0);
    });
  }

  static async open(port: number): Promise<Inspector> {
    const response = await fetch(`http://127.0.0.1:${port}/json/list`);
    const [target] = (await response.json()) as { webSocketDebuggerUrl: string }[];
    const socket = new WebSocket(target?.webSocketDebuggerUrl ?? '');
    const opened = new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error(`no inspector at port ${port}`)));
    });
    await Promise.race([opened, pause(5000)]);
    return new Inspector(socket);
  }

  ask<Result>(method: string, params: object = {}): Promise<Result> {
    const id = this.#nextId++;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve) => this.#waiting.set(id, resolve as (result: unknown) => void));
  }

  close(): void {
    this.#socket.close();
  }
}
