import { setTimeout as pause } from 'node:timers/promises';
import { whenAborted } from '../config/abort-signals.js';
import { readSecret } from '../secrets/secret-file.js';
import { findOrStartServer } from './find-or-start-server.js';
import { APPLICATION_ROLE } from './application-role.js';
import { createClusterIfMissing } from './create-cluster.js';
import type { Installation } from './installation.js';
import { findRunningServer } from './running-server.js';
import { type ServerAccess, socketUrl } from './server-url.js';
import { RESTART_PAUSE_MS } from './start-attempts.js';
import { stopServer } from './stop-server.js';
import { identityOf, openSocketFolder, socketIn } from './unix-socket.js';
import type { ProcessRole, UsageLock } from './usage-lock.js';

const SOCKET_CHECK_INTERVAL_MS = 500;

/**
 * The PostgreSQL server of one `DATA_DIR`: found running or started, and stopped by the last process that uses it.
 * Until `stop()`, a server that crashed is started again, and so is one whose socket was removed or replaced.
 */
export class EmbeddedPostgres {
  readonly url: string;
  readonly #access: ServerAccess;
  readonly #stopping = new AbortController();
  #lock: UsageLock;
  /** Identity of the locked server's socket. */
  #socket: string | undefined;
  /** Process id of the locked server. */
  #serverPid: number | undefined;
  #reacquiring = Promise.resolve();
  #stopped: Promise<void> | undefined;

  private constructor(access: ServerAccess, lock: UsageLock) {
    const { socketFolder, password } = access;
    this.url = socketUrl(socketFolder, { role: APPLICATION_ROLE, password, database: APPLICATION_ROLE });
    this.#access = access;
    this.#lock = lock;
    void this.#reacquireLostLock();
    void this.#watchSocket();
  }

  /** Gives up when `signal` aborts. @throws {Error} whose message tells the operator what to do. */
  static async open(installation: Installation, role: ProcessRole, signal?: AbortSignal): Promise<EmbeddedPostgres> {
    await createClusterIfMissing(installation, signal);
    const { cluster, password: file } = installation.directory;
    const password = await readSecret(file, `it opens ${cluster}`);
    const access = { installation, socketFolder: await openSocketFolder(installation), password, role };
    const lock = await findOrStartServer(access, signal);
    const opened = new EmbeddedPostgres(access, lock);
    await opened.#rememberServer();
    return opened;
  }

  /**
   * Stops the server unless another process still uses it and will stop it. Once `immediately` aborts, the server is
   * shut down at once, without waiting for its answer.
   */
  stop(immediately?: AbortSignal): Promise<void> {
    return (this.#stopped ??= this.#stop(immediately));
  }

  async #stop(immediately: AbortSignal | undefined): Promise<void> {
    this.#stopping.abort();
    await unlessAborted(this.#reacquiring, immediately);
    // A server that does not answer is of no use to other processes either.
    const isLast = (await unlessAborted(this.#lock.lockExclusivelyIfLast(), immediately)) ?? true;
    if (isLast) await stopServer(this.#access.installation.directory.cluster, immediately);
    await unlessAborted(this.#lock.release(), immediately);
  }

  async #reacquireLostLock(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#lock.lost;
      if (signal.aborted) return;
      this.#reacquiring = this.#reacquire(signal);
      await this.#reacquiring;
    }
  }

  async #reacquire(signal: AbortSignal): Promise<void> {
    try {
      this.#socket = undefined;
      this.#lock = await findOrStartServer(this.#access, signal);
      await this.#rememberServer();
    } catch {
      // Until the next attempt requests get 503. The reason is in the server's log.
      await pause(RESTART_PAUSE_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** A socket that cannot be read is not watched. */
  async #rememberServer(): Promise<void> {
    const { socketFolder, installation } = this.#access;
    this.#serverPid = (await findRunningServer(installation.directory.cluster).catch(() => undefined))?.pid;
    this.#socket = await identityOf(socketIn(socketFolder)).catch(() => undefined);
  }

  /** Stops a server whose socket was removed: it serves its present connections, but nobody can connect any more. */
  async #watchSocket(): Promise<void> {
    const { signal } = this.#stopping;
    const { socketFolder, installation } = this.#access;
    while (!signal.aborted) {
      await pause(SOCKET_CHECK_INTERVAL_MS, undefined, { signal, ref: false }).catch(() => {});
      const before = this.#socket;
      if (signal.aborted || before === undefined) continue;
      // A file system that does not answer counts as unchanged.
      if ((await identityOf(socketIn(socketFolder)).catch(() => before)) === before) continue;
      // Another process may have started a new server meanwhile.
      const running = await findRunningServer(installation.directory.cluster).catch(() => undefined);
      if (this.#socket !== before || running?.pid !== this.#serverPid) continue;
      await stopServer(installation.directory.cluster).catch(() => {});
    }
  }
}

/** Undefined when the signal aborts first. */
async function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal | undefined): Promise<Value | undefined> {
  return signal === undefined ? work : Promise.race([work, whenAborted(signal).then(() => undefined)]);
}
