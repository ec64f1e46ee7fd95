import type { HashTask } from './hash-worker-handle.js';

/** A hash that waits for a thread. */
export interface QueuedHash {
  readonly task: HashTask;
  readonly arrivedAt: number;
  readonly startBy: number;
  readonly result: PromiseWithResolvers<string | boolean>;
  /** Clears the deadline's timer and the client's abort listener. */
  readonly stopWatching: () => void;
}

/** The hashes that wait for a thread, in order of arrival. */
export class HashQueue implements Iterable<QueuedHash> {
  readonly #waiting = new Set<QueuedHash>();

  /** `onExpired` is called when the hash has waited for `longestMs`, or when its client disconnects. */
  addHash(
    task: HashTask,
    longestMs: number,
    disconnected: AbortSignal | undefined,
    onExpired: (queuedHash: QueuedHash, reason: 'deadline' | 'gone') => void,
  ): QueuedHash {
    const onDisconnect = (): void => onExpired(queuedHash, 'gone');
    const timer = setTimeout(() => onExpired(queuedHash, 'deadline'), longestMs);
    const stopWatching = (): void => {
      clearTimeout(timer);
      disconnected?.removeEventListener('abort', onDisconnect);
    };
    const arrivedAt = performance.now();
    const result = Promise.withResolvers<string | boolean>();
    const queuedHash: QueuedHash = { task, arrivedAt, startBy: arrivedAt + longestMs, result, stopWatching };
    disconnected?.addEventListener('abort', onDisconnect);
    this.#waiting.add(queuedHash);
    return queuedHash;
  }

  removeHash(queuedHash: QueuedHash): void {
    this.#waiting.delete(queuedHash);
    queuedHash.stopWatching();
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** How long the first hash has waited. */
  get longestWaitMs(): number {
    const [first] = this.#waiting;
    return first ? performance.now() - first.arrivedAt : 0;
  }

  [Symbol.iterator](): Iterator<QueuedHash> {
    return this.#waiting.values();
  }
}
