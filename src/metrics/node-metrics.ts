import type { Registry } from 'prom-client';
import { combineMetrics, countsOf, type ProcessMetrics } from './combined-metrics.js';
import type { Scrape } from './metrics-endpoint.js';

/** How long a scrape waits for a worker; then the worker's earlier metrics are used. */
export const WORKER_ANSWER_MS = 1000;

interface WorkerMetrics {
  readonly ask: () => void;
  latest: ProcessMetrics;
  /** Resolves the wait of the scrape in progress. */
  answered: (() => void) | undefined;
}

/**
 * The metrics of a node of several processes: those of its workers and of the primary, which runs this. The counts of
 * workers that have ended are kept.
 */
export class NodeMetrics {
  readonly #workers = new Set<WorkerMetrics>();
  /** The counts of all workers that have ended, combined to those of one. */
  #ended: Promise<ProcessMetrics> = Promise.resolve([]);
  #scraping: Promise<Scrape> | undefined;
  #silent = 0;

  /** @param own the metrics of the primary */
  private constructor(
    private readonly own: Registry,
    private readonly answerMs: number,
  ) {}

  static async create(answerMs: number = WORKER_ANSWER_MS): Promise<NodeMetrics> {
    const { Registry, Gauge, collectDefaultMetrics } = await import('prom-client');
    const own = new Registry();
    const metrics = new NodeMetrics(own, answerMs);
    collectDefaultMetrics({ register: own });
    const gauges: [string, string, () => number][] = [
      ['gatehouse_workers', 'Worker processes that serve.', () => metrics.#serving.length],
      ['gatehouse_workers_silent', 'Workers that did not answer this scrape.', () => metrics.#silent],
    ];
    for (const [name, help, read] of gauges) {
      const gauge: InstanceType<typeof Gauge> = new Gauge({
        name,
        help,
        registers: [own],
        collect: () => gauge.set(read()),
      });
    }
    return metrics;
  }

  /** Adds a worker process. `ask` asks it for its metrics. */
  addWorker(ask: () => void): {
    /** Takes the worker's answer, or what it sends unasked before it ends. */
    receiveMetrics: (metrics: ProcessMetrics) => void;
    /** Call it once the process has ended and all that it sent has arrived. */
    remove: () => void;
  } {
    const worker: WorkerMetrics = { ask, latest: [], answered: undefined };
    this.#workers.add(worker);
    return {
      receiveMetrics: (metrics) => {
        worker.latest = metrics;
        worker.answered?.();
      },
      remove: () => {
        worker.answered?.();
        this.#workers.delete(worker);
        this.#ended = addCounts(this.#ended, countsOf(worker.latest));
        // A scrape tells.
        this.#ended.catch(() => {});
      },
    };
  }

  /** The metrics now. Scrapes at the same time share one answer. */
  scrape(): Promise<Scrape> {
    this.#scraping ??= this.#scrapeWorkers().finally(() => (this.#scraping = undefined));
    return this.#scraping;
  }

  async #scrapeWorkers(): Promise<Scrape> {
    const answers = await Promise.all(this.#serving.map((worker) => this.#askWorker(worker)));
    this.#silent = answers.filter((isAnswered) => !isAnswered).length;
    const own = await this.own.getMetricsAsJSON();
    // Read in one turn: a worker that ends meanwhile is in one of them.
    const [running, ended] = [this.#serving.map(({ latest }) => latest), this.#ended];
    const combined = await combineMetrics([own, ...running, await ended]);
    return { text: await combined.metrics(), contentType: combined.contentType };
  }

  /** A worker sends its metrics for the first time once it accepts connections. */
  get #serving(): WorkerMetrics[] {
    return [...this.#workers].filter(({ latest }) => latest.length > 0);
  }

  /** Whether the worker has answered in time. */
  #askWorker(worker: WorkerMetrics): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), this.answerMs);
      worker.answered = () => {
        clearTimeout(timer);
        resolve(true);
      };
      worker.ask();
    });
  }
}

async function addCounts(ended: Promise<ProcessMetrics>, counts: ProcessMetrics): Promise<ProcessMetrics> {
  const combined = await combineMetrics([await ended, counts]);
  return combined.getMetricsAsJSON();
}
