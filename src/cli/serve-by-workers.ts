import { fileURLToPath } from 'node:url';
import type { Config } from '../config/config.js';
import type { TerminationSignals } from '../config/termination-signals.js';
import { requireTablePrivileges } from '../database/role-privileges.check.js';
import { ensureMigrated } from '../database/run-migrations.js';
import { retryUntilDatabaseAnswers, type WaitOptions } from '../database/wait-for-database.js';
import type { NodeMetricsServer } from '../metrics/node-metrics.server.js';
import type { WorkerPool } from '../workers/worker-pool.js';

/** The program that the worker processes run. */
export interface WorkerProgram {
  /** Undefined if this process runs no file. */
  readonly exec: string | undefined;
  readonly args: readonly string[];
  /** Options of Node; those of this process by default. */
  readonly execArgv?: readonly string[];
}

const OUR_PROGRAM: WorkerProgram = { exec: fileURLToPath(new URL('worker.js', import.meta.url)), args: [] };
const PRELOADED = new URL('worker-preload.js', import.meta.url).href;

/** This process's own file as the program of its workers: there, its call of `serve` waits for the primary. */
export function ownProgram(): WorkerProgram {
  const [, exec, ...args] = process.argv;
  return { exec, args, execArgv: [...process.execArgv, '--import', PRELOADED] };
}

interface NodeOfWorkers {
  readonly config: Config;
  readonly migrate: boolean;
  readonly termination: TerminationSignals;
  /** Workers that still run when it aborts are killed. */
  readonly overdue: AbortSignal;
  readonly log: (members: object) => void;
}

/** Serves by worker processes until a signal has ended them. */
export async function serveByWorkers(node: NodeOfWorkers, program: WorkerProgram = OUR_PROGRAM): Promise<void> {
  const { config, log, termination } = node;
  termination.requested.throwIfAborted();
  await prepareDatabase(node);
  termination.requested.throwIfAborted();
  for (const { setting, reason } of config.warnings) log({ event: 'setting_adjusted', setting, msg: reason });
  const metrics = await serveNodeMetrics(config);
  const pool = await createPool(node, program, metrics);
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
  { exec, args, execArgv = process.execArgv }: WorkerProgram,
  metrics: NodeMetricsServer | undefined,
): Promise<WorkerPool> {
  if (exec === undefined)
    throw new Error('WORKERS above 1 needs a program in a file, which the workers can run: set WORKERS to 1');
  const { WorkerPool } = await import('../workers/worker-pool.js');
  const { HashPermitAllocator } = await import('../passwords/hash-permit-allocator.js');
  const { shareHashPermits } = await import('../passwords/hash-permit-channel.js');
  const permits = new HashPermitAllocator(config.hashConcurrency);
  return new WorkerPool({
    program: { exec, args: [...args], execArgv: [...execArgv] },
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
