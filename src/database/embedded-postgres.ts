import { setTimeout as pause } from 'node:timers/promises';
import { localSecret } from '../config/local-secret.js';
import { ensureCluster, ROLE } from './embedded-cluster.js';
import type { Installation } from './embedded-installation.js';
import { isPassing, Lease, type Role } from './embedded-lease.js';
import { findPostmaster, stopPostmaster } from './embedded-postmaster.js';
import { startPostmaster } from './embedded-start.js';

const STEP_MS = 10;
const PAUSE_AFTER_FAILURE_MS = 1000;
/** Long enough for the recovery after a crash under load; the server goes on recovering when it is not. */
const LONGEST_START_MS = 60_000;

interface Access {
  readonly installation: Installation;
  readonly password: string;
  readonly role: Role;
}

/**
 * The PostgreSQL of one `DATA_DIR`: found running, or started; stopped by whoever leaves it last. A lease that is lost
 * (the server crashed) is taken again, and the server started again if need be, until `stop()`.
 */
export class EmbeddedPostgres {
  readonly url: string;
  readonly #access: Access;
  readonly #stopping = new AbortController();
  #lease: Lease;
  #retaking = Promise.resolve();

  private constructor(access: Access, lease: Lease) {
    this.url = `postgresql://${ROLE}:${access.password}@127.0.0.1:${lease.port}/${ROLE}`;
    this.#access = access;
    this.#lease = lease;
    void this.#keepLease();
  }

  /** @throws {Error} whose message tells the operator what to do. */
  static async open(installation: Installation, role: Role): Promise<EmbeddedPostgres> {
    await ensureCluster(installation);
    const access = { installation, password: await localSecret(installation.directory.password), role };
    return new EmbeddedPostgres(access, await takeLease(access));
  }

  /** Stops the server unless another process still uses it; then that one will. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#retaking;
    if (await this.#lease.isLast()) await stopPostmaster(this.#access.installation.directory.cluster);
    await this.#lease.release();
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
      this.#lease = await takeLease(this.#access, signal);
    } catch {
      // Meanwhile requests are answered with 503, and the server's own log says why.
      await pause(PAUSE_AFTER_FAILURE_MS, undefined, { signal }).catch(() => {});
    }
  }
}

/** Looks for the server, starts it when there is none, and tries again while what is in the way will pass. */
async function takeLease(access: Access, stopping?: AbortSignal): Promise<Lease> {
  const { installation, password, role } = access;
  const { cluster, log } = installation.directory;
  const deadline = AbortSignal.timeout(LONGEST_START_MS);
  const signal = stopping === undefined ? deadline : AbortSignal.any([stopping, deadline]);
  let obstacle: unknown = 'it is starting or stopping';
  while (!signal.aborted) {
    const running = await findPostmaster(cluster);
    if (running === undefined) await startPostmaster(installation, signal);
    else if (running.isReady) {
      const lease = await Lease.take(running.port, ROLE, password, role).catch(unlessPassing);
      if (lease instanceof Lease) return lease;
      obstacle = lease;
    }
    await pause(STEP_MS);
  }
  throw new Error(`PostgreSQL accepts no connections: ${String(obstacle)}; see ${log}`, { cause: obstacle });
}

function unlessPassing(error: unknown): unknown {
  if (isPassing(error)) return error;
  throw error;
}
