import { hash } from 'node:crypto';
import type { DatabaseConfig } from '../config/config.js';
import { schemaOf } from '../config/postgres-url.js';
import { directTarget } from '../database/connection-string.js';
import { DedicatedConnection } from '../database/dedicated-connection.js';
import { LOCK_HEARTBEAT_INTERVAL_MS, TAKE_LOCK } from './purge-in-batches.js';

/** A process that was refused a lock asks for it again after this time at the earliest: it opens a connection to ask. */
const RETRY_MS = 5000;

/**
 * The advisory lock of a job: 62 bits of a hash of its name and of the schema of its service's tables, since a database may have
 * several services, and the locks belong to it. Bit 62 is always set, so that it is none of the small numbers that Gatehouse
 * and Prisma use.
 */
export function lockIdOf(schema: string, job: string): bigint {
  const text = JSON.stringify(['gatehouse job', schema, job]);
  const bits = BigInt(`0x${hash('sha256', text, 'hex').slice(0, 16)}`);
  return BigInt.asUintN(62, bits) | (1n << 62n);
}

/**
 * Locks that one process of all nodes holds, from its first run of the job until it ends. All of a process are held by one
 * open transaction, on a connection of its own; see {@link TAKE_LOCK}.
 */
export class JobLocks {
  #holder: DedicatedConnection | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  readonly #held = new Set<string>();
  readonly #refusedAt = new Map<string, number>();
  /** Jobs ask one after the other, since the first opens the connection. */
  #asking: Promise<unknown> = Promise.resolve();

  readonly #schema: string;

  constructor(private readonly config: DatabaseConfig) {
    this.#schema = schemaOf(config.databaseDirectUrl);
  }

  /** @returns a signal that aborts when the lock is lost; undefined while another process has it */
  holdLock(job: string): Promise<AbortSignal | undefined> {
    const answer = this.#asking.then(() => this.#holdLock(job));
    this.#asking = answer.catch(() => undefined);
    return answer;
  }

  /** Gives all locks back. */
  close(): void {
    clearInterval(this.#heartbeat);
    this.#holder?.close();
    this.#holder = undefined;
    this.#held.clear();
  }

  async #holdLock(job: string): Promise<AbortSignal | undefined> {
    if (this.#holder?.isClosed === true) this.close();
    if (this.#holder !== undefined && this.#held.has(job)) {
      // A connection that died silently is noticed here at the latest.
      await this.#holder.query('SELECT 1');
      return this.#holder.closed;
    }
    if (performance.now() - (this.#refusedAt.get(job) ?? -Infinity) < RETRY_MS) return undefined;
    this.#holder ??= await this.#openTransaction();
    const [row] = await this.#holder.query<{ taken: boolean }>(TAKE_LOCK, [String(lockIdOf(this.#schema, job))]);
    if (row?.taken === true) {
      this.#held.add(job);
      return this.#holder.closed;
    }
    this.#refusedAt.set(job, performance.now());
    if (this.#held.size === 0) this.close();
    return undefined;
  }

  async #openTransaction(): Promise<DedicatedConnection> {
    const holder = await DedicatedConnection.open({
      target: directTarget(this.config),
      name: 'gatehouse job locks',
    });
    // A stricter level's snapshot would keep vacuum from removing any deleted row.
    await holder.query('BEGIN ISOLATION LEVEL READ COMMITTED');
    this.#heartbeat = setInterval(
      () => void holder.query('SELECT 1').catch(() => undefined),
      LOCK_HEARTBEAT_INTERVAL_MS,
    ).unref();
    return holder;
  }
}
