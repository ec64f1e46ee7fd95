import { setTimeout as pause } from 'node:timers/promises';
import type { DatabaseConfig } from '../config/config.js';
import { hostOf } from '../config/postgres-url.js';
import { directTarget, openClient, pooledTarget, type ConnectionTarget } from './connection.js';
import { codesOf } from './database-errors.js';
import { missingPrivilegesMessage } from './role-privileges.check.js';
import { requireSessionSettings } from './session-settings.check.js';

/** What is waited for, as it is told every few seconds. */
export interface Waiting {
  readonly event: 'database_awaited' | 'migration_awaited';
  readonly [member: string]: unknown;
}

/** How a start waits: for so long, told about, and ended early by the signal. */
export interface WaitOptions {
  /** Seconds; `0` tries once. */
  readonly seconds: number;
  readonly signal?: AbortSignal | undefined;
  readonly tell?: ((waiting: Waiting) => void) | undefined;
}

/** For commands: they say what is wrong and leave. */
export const NO_WAIT: WaitOptions = { seconds: 0 };

const RETRY_MS = 250;
const REPORT_MS = 5000;

/** What passes when a server, its name or its network is about to be there. */
const NOT_YET_CODES =
  /^(?:ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|E(?:HOST|NET)UNREACH|ENOTFOUND|EAI_AGAIN|57P0[123]|53300)$/;
/** `pg` says these without a code; a proxy before a server that is not there ends the connection. PgBouncer says the last. */
const NOT_YET_MESSAGES =
  /timeout expired|Connection terminated|Query read timeout|TooManyConnections|server login has been failing|connect failed/;
const TLS_CODES = /^(?:ERR_(?:TLS|SSL|OSSL)|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|EPROTO)/;

/** Keeps count of one wait. */
export class Wait {
  readonly #startedAt = performance.now();
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly waitOptions: WaitOptions) {}

  get isOver(): boolean {
    return this.#elapsedMs >= this.waitOptions.seconds * 1000;
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** Tells what is waited for when it is time to, and pauses. @throws the signal's reason when it aborts. */
  async next(waiting: Waiting): Promise<void> {
    const { signal, tell } = this.waitOptions;
    if (performance.now() - this.#toldAt >= REPORT_MS) {
      this.#toldAt = performance.now();
      tell?.({ ...waiting, waitedSeconds: Math.round(this.#elapsedMs / 1000) });
    }
    // Apart from one another, so that nodes which start together do not all ask at once.
    await pause(RETRY_MS * (0.5 + Math.random()), undefined, signal && { signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
  }
}

/**
 * Does the work once the database accepts connections, with both URLs, and does it again where that ends meanwhile (other nodes
 * may take the last connection). What will not pass by itself is told at once: a refused login, a missing database, TLS.
 * @throws {Error} whose message tells the operator what to do; the signal's reason when it aborts.
 */
export async function retryUntilDatabaseAnswers<Result>(
  config: DatabaseConfig,
  waitOptions: WaitOptions,
  work: () => Promise<Result>,
): Promise<Result> {
  const wait = new Wait(waitOptions);
  for (;;) {
    let target: ConnectionTarget | undefined;
    try {
      for (target of targetsOf(config)) await unlessAborted(probe(target, config), waitOptions.signal);
      target = undefined;
      return await work();
    } catch (error) {
      const { setting, url } = target ?? pooledTarget(config);
      const host = hostOf(url);
      waitOptions.signal?.throwIfAborted();
      // That no file is there is of a Unix socket only while that is tried.
      const isMissing = target !== undefined && host.startsWith('/') && codesOf(error).includes('ENOENT');
      const isOfAnother = target === undefined && isOfAnotherHost(error, config);
      if (isOfAnother || (!isMissing && !isNotYet(error))) {
        throw target === undefined ? toldOfWork(error, pooledTarget(config)) : toldOf(error, target);
      }
      if (wait.isOver) throw new Error(givenUp(error, setting, host, waitOptions.seconds), { cause: error });
      await wait.next({ event: 'database_awaited', setting, host, reason: reasonOf(error) });
    }
  }
}

function targetsOf(config: DatabaseConfig): ConnectionTarget[] {
  const [direct, pooled] = [directTarget(config), pooledTarget(config)];
  return pooled.isPooled ? [direct, pooled] : [direct];
}

/** A server that says nothing holds up no signal. */
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

async function probe(target: ConnectionTarget, config: DatabaseConfig): Promise<void> {
  const client = await openClient(target, {
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

/** Whether a name could not be resolved that is none of the database's, such as that of `HOST`. */
function isOfAnotherHost(error: unknown, config: DatabaseConfig): boolean {
  if (!(error instanceof Error) || Reflect.get(error, 'syscall') !== 'getaddrinfo') return false;
  return !targetsOf(config).some(({ url }) => error.message.endsWith(` ${hostOf(url).replace(/:\d+$/, '')}`));
}

/** An AggregateError, of a name with two addresses, has no message of its own. */
function partsOf(error: unknown): readonly unknown[] {
  return error instanceof AggregateError ? error.errors : [error];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || (codesOf(error)[0] ?? error.name) : String(error);
}

function reasonOf(error: unknown): string {
  return partsOf(error).map(messageOf).join('; ');
}

function givenUp(error: unknown, setting: string, host: string, seconds: number): string {
  const since = seconds > 0 ? ` within DATABASE_STARTUP_SECONDS (${seconds})` : '';
  return `The database of ${setting} at ${host} did not answer${since}: ${reasonOf(error)}.`;
}

/** PgBouncer's, which takes no parameter that it was not told to. */
const UNKNOWN_PARAMETER = /unsupported startup parameter[^`'"\n]*/;
const INSUFFICIENT_PRIVILEGE = '42501';

/** What the pool's connections and the start's own statements are refused with, as a sentence; any other error as it is. */
function toldOfWork(error: unknown, target: ConnectionTarget): unknown {
  const tell = (sentence: string): Error => new Error(sentence, { cause: error });
  const [refusal] = UNKNOWN_PARAMETER.exec(messageOf(error)) ?? [];
  if (refusal !== undefined) return tell(pooledWrongly(target, refusal));
  return codesOf(error).includes(INSUFFICIENT_PRIVILEGE)
    ? tell(missingPrivilegesMessage(target, reasonOf(error)))
    : error;
}

function pooledWrongly({ setting, url }: ConnectionTarget, refusal: string): string {
  const at = `The pooler of ${setting} at ${hostOf(url)} refuses the connection: ${refusal}.`;
  if (refusal.includes('options')) {
    return `${at} Name the server itself in DATABASE_DIRECT_URL, and take options out of DATABASE_URL: what they say is given to the role, by ALTER ROLE … SET.`;
  }
  return `${at} With PgBouncer set ignore_startup_parameters = statement_timeout, lock_timeout, idle_in_transaction_session_timeout, give the role these deadlines by ALTER ROLE … SET, and name the server itself in DATABASE_DIRECT_URL (README, "Run it").`;
}

/** What a connection is refused with, as a sentence about the setting; any other error as it is. */
function toldOf(error: unknown, target: ConnectionTarget): unknown {
  const { setting, url } = target;
  const at = `of ${setting} at ${hostOf(url)}`;
  const [code = ''] = codesOf(error);
  const tell = (sentence: string): Error => new Error(sentence, { cause: error });
  const [refusal] = UNKNOWN_PARAMETER.exec(messageOf(error)) ?? [];
  if (refusal !== undefined) return tell(pooledWrongly(target, refusal));
  if (code.startsWith('28')) return tell(`The database ${at} refuses the login: ${reasonOf(error)}.`);
  if (code === '3D000') return tell(`The database ${at} is not there: ${reasonOf(error)}. Create it first.`);
  if (TLS_CODES.test(code) || /does not support SSL/.test(messageOf(error))) {
    return tell(
      `The TLS connection to the database ${at} fails: ${reasonOf(error)}. A private CA is named by sslmode=verify-full&sslrootcert=FILE in the URL; sslmode=disable takes no TLS.`,
    );
  }
  return code === '' ? error : tell(`The database ${at}: ${reasonOf(error)}.`);
}
