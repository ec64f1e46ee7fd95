import type { Config } from '../config/config.js';
import type { TerminationSignal } from '../config/termination-signals.js';
import type { TopicMessage } from './topic.js';

/** What the primary tells a worker. Secrets travel here, never in the environment or the arguments. */
export type PrimaryMessage =
  | { readonly kind: 'configure'; readonly config: Config }
  /** A worker answers it with `pong`. */
  | { readonly kind: 'ping' }
  | { readonly kind: 'terminate'; readonly signal: TerminationSignal }
  | { readonly kind: 'force' }
  | TopicMessage;

/** What a worker tells the primary. */
export type WorkerMessage =
  /** It listens for messages. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'pong' }
  | { readonly kind: 'serving' }
  /** The start failed; `message` is for the operator. */
  | { readonly kind: 'failed'; readonly message: string }
  | TopicMessage;

/** False for what a library has sent over the channel with `process.send`. */
export function isMessage(value: unknown): value is PrimaryMessage | WorkerMessage {
  return typeof value === 'object' && value !== null && 'kind' in value;
}
