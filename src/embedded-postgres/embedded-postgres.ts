import { setTimeout as pause } from 'node:timers/promises';
import { readSecret } from '../secrets/secret-file.js';
import { whenAborted } from '../config/termination-signals.js';
import { ensureClusterExists, ROLE } from './initdb.js';
import type { Installation } from './installation.js';
import { isPassing, Lease, type ProcessRole } from './usage-lock.js';
import { clearLockFile, clusterLock, isProvenServerOf, socketLock, unlessUnreadable } from './lock-files.js';
import { findRunningServer, stopServer, type RunningServer } from './running-server.js';
import { identityOf, isListening, openSocketFolder, socketIn } from './unix-socket.js';
import { startServer } from './start-server.js';
import { loopbackUrl, socketUrl } from './server-url.js';

const STEP_MS = 10;
const PAUSE_AFTER_FAILURE_MS = 1000;
/** Between two starts of a server that gave way; doubled by each. */
const FIRST_PAUSE_BETWEEN_STARTS_MS = 50;
const LONGEST_PAUSE_BETWEEN_STARTS_MS = 1000;
/** How often the socket is looked at. */
const WATCH_MS = 500;
/** Long enough for the recovery after a crash under load; the server goes on recovering when it is not. */
const LONGEST_START_MS = 60_000;

interface Access {
  readonly installation: Installation;
  readonly socketFolder: string;
  readonly password: string;
  readonly role: ProcessRole;
}

/**
 * The PostgreSQL of one `DATA_DIR`: found running, or started; stopped by whoever leaves it last. A lease that is lost
 * (the server crashed) is taken again, and the server started again if need be, until `stop()`. So is a server whose
 * socket somebody took away or replaced.
 */
export class EmbeddedPostgres {
  readonly url: string;
  readonly #access: Access;
  readonly #stopping = new AbortController();
  #lease: Lease;
  /** Of the server that the lease is on. */
  #socket: string | undefined;
  /** Its process id. */
  #server: number | undefined;
  #retaking = Promise.resolve();
  #stopped: Promise<void> | undefined;

  private constructor(access: Access, lease: Lease) {
    const { socketFolder, password } = access;
    this.url = socketUrl(socketFolder, { role: ROLE, password, database: ROLE });
    this.#access = access;
    this.#lease = lease;
    void this.#keepLease();
    void this.#keepSocket();
  }

  /** Gives up when `signal` aborts. @throws {Error} whose message tells the operator what to do. */
  static async open(installation: Installation, role: ProcessRole, signal?: AbortSignal): Promise<EmbeddedPostgres> {
    await ensureClusterExists(installation, signal);
    const { cluster, password: file } = installation.directory;
    const password = await readSecret(file, `it opens ${cluster}`);
    const access = { installation, socketFolder: await openSocketFolder(installation), password, role };
    const lease = await takeLease(access, signal);
    const opened = new EmbeddedPostgres(access, lease);
    await opened.#lookAtServer();
    return opened;
  }

  /**
   * Stops the server unless another process still uses it; then that one will. Once `immediately` aborts, the server is not
   * asked any more and ends at once.
   */
  stop(immediately?: AbortSignal): Promise<void> {
    return (this.#stopped ??= this.#stop(immediately));
  }

  async #stop(immediately: AbortSignal | undefined): Promise<void> {
    this.#stopping.abort();
    await orAborted(this.#retaking, immediately);
    // One that does not answer is of no use to others either.
    const isLast = (await orAborted(this.#lease.isLast(), immediately)) ?? true;
    if (isLast) await stopServer(this.#access.installation.directory.cluster, immediately);
    await orAborted(this.#lease.release(), immediately);
  }

  async #keepLease(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#lease.ended;
      if (signal.aborted) return;
      this.#retaking = this.#retake(signal);
      await this.#retaking;
    }
  }

  async #retake(signal: AbortSignal): Promise<void> {
    try {
      this.#socket = undefined;
      this.#lease = await takeLease(this.#access, signal);
      await this.#lookAtServer();
    } catch {
      // Meanwhile requests are answered with 503, and the server's own log says why.
      await pause(PAUSE_AFTER_FAILURE_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** What cannot be looked at is not watched. */
  async #lookAtServer(): Promise<void> {
    const { socketFolder, installation } = this.#access;
    this.#server = (await findRunningServer(installation.directory.cluster).catch(() => undefined))?.pid;
    this.#socket = await identityOf(socketIn(socketFolder)).catch(() => undefined);
  }

  /** Without its socket a server serves whoever is connected, and nobody else ever. */
  async #keepSocket(): Promise<void> {
    const { signal } = this.#stopping;
    const { socketFolder, installation } = this.#access;
    while (!signal.aborted) {
      await pause(WATCH_MS, undefined, { signal, ref: false }).catch(() => {});
      const before = this.#socket;
      if (signal.aborted || before === undefined) continue;
      // A file system that does not answer has not taken it away.
      if ((await identityOf(socketIn(socketFolder)).catch(() => before)) === before) continue;
      // Another process may have started a new server since.
      const running = await findRunningServer(installation.directory.cluster).catch(() => undefined);
      if (this.#socket !== before || running?.pid !== this.#server) continue;
      await stopServer(installation.directory.cluster).catch(() => {});
    }
  }
}

async function orAborted<Value>(work: Promise<Value>, signal: AbortSignal | undefined): Promise<Value | undefined> {
  return signal === undefined ? work : Promise.race([work, whenAborted(signal).then(() => undefined)]);
}

/** Looks for the server, starts it when there is none, and tries again while what is in the way will pass. */
async function takeLease(access: Access, stopping?: AbortSignal): Promise<Lease> {
  const { log } = access.installation.directory;
  const patience = AbortSignal.timeout(LONGEST_START_MS);
  const starts = new Starts(access, { stopping, patience });
  let obstacle: unknown = 'it is starting or stopping';
  const isOver = (): boolean => patience.aborted || stopping?.aborted === true;
  while (!isOver()) {
    const found = await tryLease(access, starts).catch(unlessUnreadable);
    if (found instanceof Lease) return found;
    obstacle = found ?? obstacle;
    await pause(STEP_MS);
  }
  if (starts.count > 0 && stopping?.aborted === true) await stopUnused(access).catch(unlessUnreadable);
  const cause: unknown = stopping?.aborted === true ? stopping.reason : obstacle;
  throw new Error(`PostgreSQL accepts no connections: ${said(obstacle)}; see ${log}`, { cause });
}

function said(obstacle: unknown): string {
  return obstacle instanceof Error ? obstacle.message : String(obstacle);
}

/** @returns a lease, or what is in the way of one. */
async function tryLease(access: Access, starts: Starts): Promise<unknown> {
  const { installation, socketFolder, role } = access;
  const running = await findRunningServer(installation.directory.cluster);
  if (running === undefined) return starts.next();
  if (!running.isReady) return undefined;
  if (running.socketFolder !== socketFolder) return replace(running, access);
  const lease = await Lease.take(maintenanceUrl(access), role).catch(unlessPassing);
  if (!(lease instanceof Lease)) await stopUnreachable(running, access);
  return lease;
}

function maintenanceUrl({ socketFolder, password }: Access): string {
  return socketUrl(socketFolder, { role: ROLE, password, database: 'postgres' });
}

/** One that was started for nothing, unless somebody else uses it by now. */
async function stopUnused(access: Access): Promise<void> {
  const { cluster } = access.installation.directory;
  if ((await findRunningServer(cluster))?.isReady !== true) return;
  const lease = await Lease.take(maintenanceUrl(access), 'script').catch(() => undefined);
  if ((await lease?.isLast()) === true) await stopServer(cluster);
  await lease?.release();
}

/** Starts of the server, at most so often. */
class Starts {
  count = 0;
  #pauseMs = FIRST_PAUSE_BETWEEN_STARTS_MS;
  #notBefore = 0;
  readonly #access: Access;
  readonly #until: Parameters<typeof startServer>[2];

  constructor(access: Access, until: Parameters<typeof startServer>[2]) {
    this.#access = access;
    this.#until = until;
  }

  /** @returns what is in the way of a start. */
  async next(): Promise<string | undefined> {
    if (performance.now() < this.#notBefore) return undefined;
    const { installation, socketFolder } = this.#access;
    const { cluster } = installation.directory;
    for (const file of [clusterLock(cluster), socketLock(socketIn(socketFolder))]) {
      const obstacle = await clearLockFile(file, cluster);
      if (obstacle !== undefined) return obstacle;
    }
    if ((await openSocketFolder(installation)) !== socketFolder) {
      throw new Error(`The folder ${socketFolder} of PostgreSQL's socket is gone and cannot be made again: start anew`);
    }
    this.count++;
    await startServer(installation, socketFolder, this.#until);
    this.#notBefore = performance.now() + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_BETWEEN_STARTS_MS);
    return undefined;
  }
}

/** One that an earlier version started, or with its socket elsewhere, is stopped unless somebody uses it. */
async function replace({ pid, port, socketFolder }: RunningServer, access: Access): Promise<unknown> {
  const { installation, password, role } = access;
  const { cluster } = installation.directory;
  if (socketFolder === '' && !(await isProvenServerOf(cluster, pid))) {
    throw new Error(
      `${clusterLock(cluster)} names process ${pid}, which may be another program than PostgreSQL on this folder. Look at it by ps -p ${pid} -o args: ` +
        `a postgres with -D ${cluster} was left running by an earlier version, and kill -INT ${pid} ends it; otherwise remove that file`,
    );
  }
  const login = { role: ROLE, password, database: 'postgres' };
  const url = socketFolder === '' ? loopbackUrl(port, login) : socketUrl(socketFolder, login);
  const lease = await Lease.take(url, role).catch(unlessPassing);
  if (!(lease instanceof Lease)) return lease;
  try {
    if (!(await lease.isLast()))
      return 'it was started by another version, and something still uses it: end that first';
    await stopServer(cluster);
  } finally {
    await lease.release();
  }
  return undefined;
}

/** A server is ready after it listens: where nobody does then, its socket was taken away. */
async function stopUnreachable({ pid }: RunningServer, { installation, socketFolder }: Access): Promise<void> {
  const { cluster } = installation.directory;
  if (await isListening(socketIn(socketFolder))) return;
  const server = await findRunningServer(cluster);
  if (server?.pid === pid && server.isReady) await stopServer(cluster);
}

function unlessPassing(error: unknown): unknown {
  if (isPassing(error)) return error;
  throw error;
}
