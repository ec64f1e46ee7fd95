import type { DatabaseConfig } from '../config/config.js';
import { hostOf } from '../config/postgres-url.js';
import {
  busyMessage,
  explainConnectionError,
  explainStatementError,
  messageOf,
  noAnswerMessage,
  partsOf,
  reasonOf,
} from './connection-error-messages.js';
import { directTarget, pooledTarget, type ConnectionTarget } from './connection-string.js';
import { codesOf } from './database-errors.js';
import { openConnection } from './open-connection.js';
import { requireSessionSettings } from './session-settings.check.js';
import { setTimeout as pause } from 'node:timers/promises';

/** What a start waits for; logged every few seconds. */
export interface WaitProgress {
  readonly event: 'database_awaited' | 'migration_awaited';
  readonly [member: string]: unknown;
}

/** How long a start waits, who is informed, and the signal that ends the wait early. */
export interface WaitOptions {
  /** Seconds; `0` tries once. */
  readonly seconds: number;
  readonly signal?: AbortSignal | undefined;
  readonly onWait?: ((progress: WaitProgress) => void) | undefined;
}

/** For commands, which report the failure at once. */
export const NO_WAIT: WaitOptions = { seconds: 0 };

const RETRY_INTERVAL_MS = 250;
const REPORT_INTERVAL_MS = 5000;

/** The retries of one wait at the start: counts the time, pauses between attempts and reports progress. */
export class StartupRetries {
  readonly #startedAt = performance.now();
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly waitOptions: WaitOptions) {}

  get isTimeOver(): boolean {
    return this.#elapsedMs >= this.waitOptions.seconds * 1000;
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** Reports progress when it is due, then pauses. @throws the signal's reason when it aborts. */
  async pauseBeforeRetry(progress: WaitProgress): Promise<void> {
    const { signal, onWait } = this.waitOptions;
    if (performance.now() - this.#reportedAt >= REPORT_INTERVAL_MS) {
      this.#reportedAt = performance.now();
      onWait?.({ ...progress, waitedSeconds: Math.round(this.#elapsedMs / 1000) });
    }
    // Jitter, so that nodes that start together do not retry together.
    await pause(RETRY_INTERVAL_MS * (0.5 + Math.random()), undefined, signal && { signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
  }
}

/** Errors that are expected while a server, its DNS name or its network is coming up. */
const NOT_YET_CODES =
  /^(?:ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|E(?:HOST|NET)UNREACH|ENOTFOUND|EAI_AGAIN|57P0[123]|53300)$/;
/**
 * The same without a code: `pg`'s own errors, also when a proxy closes the connection because its server is down;
 * the last three are PgBouncer's, whose `max_client_conn` has the code of a protocol violation (08P01).
 */
const NOT_YET_MESSAGES =
  /timeout expired|Connection terminated|Query read timeout|TooManyConnections|server login has been failing|connect failed|no more connections allowed/;

/**
 * Runs the work once the database accepts connections through both URLs, and again if that stops meanwhile (other
 * nodes may take the last connection). Errors that will not go away by themselves are thrown at once: a refused
 * login, a missing database, TLS.
 * @throws {Error} whose message tells the operator what to do; the signal's reason when it aborts.
 */
export async function retryUntilDatabaseAnswers<Result>(
  config: DatabaseConfig,
  waitOptions: WaitOptions,
  work: () => Promise<Result>,
): Promise<Result> {
  const retries = new StartupRetries(waitOptions);
  for (;;) {
    let target: ConnectionTarget | undefined;
    try {
      for (target of targetsOf(config)) await unlessAborted(tryConnection(target, config), waitOptions.signal);
      target = undefined;
      return await work();
    } catch (error) {
      const { setting, url } = target ?? pooledTarget(config);
      const host = hostOf(url);
      waitOptions.signal?.throwIfAborted();
      // ENOENT means a missing Unix socket only while a connection to it is being opened.
      const isMissing = target !== undefined && host.startsWith('/') && codesOf(error).includes('ENOENT');
      const isOfOtherHost = target === undefined && isUnresolvedOtherHost(error, config);
      if (isOfOtherHost || (!isMissing && !isNotYet(error))) {
        throw target === undefined
          ? explainStatementError(error, pooledTarget(config))
          : explainConnectionError(error, target);
      }
      if (retries.isTimeOver) {
        const busy = target === undefined ? busyMessage(error, pooledTarget(config)) : undefined;
        throw new Error(busy ?? noAnswerMessage(error, setting, host, waitOptions.seconds), { cause: error });
      }
      await retries.pauseBeforeRetry({ event: 'database_awaited', setting, host, reason: reasonOf(error) });
    }
  }
}

function targetsOf(config: DatabaseConfig): ConnectionTarget[] {
  const [direct, pooled] = [directTarget(config), pooledTarget(config)];
  return pooled.isPooled ? [direct, pooled] : [direct];
}

/** Rejects as soon as the signal aborts, even while the server is silent. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return work;
  const aborted = new Promise<never>((_, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    void work.catch(() => undefined).then(() => signal.removeEventListener('abort', abort));
  });
  signal.throwIfAborted();
  await Promise.race([work, aborted]);
}

async function tryConnection(target: ConnectionTarget, config: DatabaseConfig): Promise<void> {
  const client = await openConnection(target, {
    connectionTimeoutMillis: config.databaseConnectionTimeoutMs,
    query_timeout: config.databaseStatementTimeoutMs,
    application_name: 'gatehouse start',
  });
  try {
    await requireSessionSettings(client, target);
  } finally {
    await client.end();
  }
}

function isNotYet(error: unknown): boolean {
  const parts = partsOf(error);
  return parts.some(
    (part) => codesOf(part).some((code) => NOT_YET_CODES.test(code)) || NOT_YET_MESSAGES.test(messageOf(part)),
  );
}

/** Whether the name that did not resolve is not the database's but another, such as that of `HOST`. */
function isUnresolvedOtherHost(error: unknown, config: DatabaseConfig): boolean {
  if (!(error instanceof Error) || Reflect.get(error, 'syscall') !== 'getaddrinfo') return false;
  return !targetsOf(config).some(({ url }) => error.message.endsWith(` ${hostOf(url).replace(/:\d+$/, '')}`));
}
