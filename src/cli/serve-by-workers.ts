import { fileURLToPath } from 'node:url';
import type { Config } from '../config/config.js';
import type { TerminationSignals } from '../config/termination-signals.js';
import { requireTablePrivileges } from '../database/role-privileges.check.js';
import { ensureMigrated } from '../database/run-migrations.js';
import { retryUntilDatabaseAnswers, type WaitOptions } from '../database/wait-for-database.js';
import type { NodeMetricsServer } from '../metrics/node-metrics.server.js';
import type { WorkerPool } from '../workers/worker-pool.js';

const WORKER_PROGRAM = fileURLToPath(new URL('worker.js', import.meta.url));

interface NodeOfWorkers {
  readonly config: Config;
  readonly migrate: boolean;
  readonly termination: TerminationSignals;
  /** Workers that still run when it aborts are killed. */
  readonly overdue: AbortSignal;
  readonly log: (members: object) => void;
}

/** Serves by worker processes until a signal has ended them. */
export async function serveByWorkers(node: NodeOfWorkers): Promise<void> {
  const { config, log, termination } = node;
  termination.requested.throwIfAborted();
  await prepareDatabase(node);
  termination.requested.throwIfAborted();
  for (const { setting, reason } of config.warnings) log({ event: 'setting_adjusted', setting, msg: reason });
  const metrics = await serveNodeMetrics(config);
  const pool = await createPool(node, metrics);
  try {
    await pool.run();
  } finally {
    pool.kill();
    await metrics?.close();
  }
}

function prepareDatabase({ config, migrate, termination, log }: NodeOfWorkers): Promise<void> {
  const signal = termination.requested;
  const waitOptions: WaitOptions = { seconds: config.databaseStartupSeconds, signal, onWait: log };
  return retryUntilDatabaseAnswers(config, waitOptions, async () => {
    await ensureMigrated(config, { migrate, waitOptions });
    await requireTablePrivileges(config);
  });
}

/** prom-client is loaded only with metrics on. */
async function serveNodeMetrics({ metricsPort, host }: Config): Promise<NodeMetricsServer | undefined> {
  if (metricsPort === undefined) return undefined;
  const { NodeMetricsServer } = await import('../metrics/node-metrics.server.js');
  return NodeMetricsServer.start(metricsPort, host);
}

/** Its code is loaded only here: a node of one process needs none of it. */
async function createPool(
  { config, termination, overdue, log }: NodeOfWorkers,
  metrics: NodeMetricsServer | undefined,
): Promise<WorkerPool> {
  const { WorkerPool } = await import('../workers/worker-pool.js');
  const { HashPermitAllocator } = await import('../passwords/hash-permit-allocator.js');
  const { shareHashPermits } = await import('../passwords/hash-permit-channel.js');
  const permits = new HashPermitAllocator(config.hashConcurrency);
  return new WorkerPool({
    exec: WORKER_PROGRAM,
    count: config.workers,
    config: { ...config, warnings: [] },
    termination,
    overdue,
    log,
    onFork: (worker) => {
      shareHashPermits(permits, worker);
      metrics?.addWorker(worker);
    },
  });
}
