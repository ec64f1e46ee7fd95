import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { ChunkLimitedRequest } from './body-chunk-limit.js';

type Listener = (...args: unknown[]) => void;

/**
 * The request of a server with Node's `optimizeEmptyRequests`: without a body its stream has ended from the start, which spares a guarded
 * request a twentieth of its CPU, but then it emits nothing. Whoever listens all the same is told what Node tells without that option: a parser of
 * the `end`, and Fastify's `onRequestAbort` and `request.signal`, as well as handlers, of `aborted` and `close`.
 */
export class ServerRequest extends ChunkLimitedRequest {
  #response: ServerResponse | undefined;
  #isFollowing = false;

  /** The response whose end is this request's. Before anybody listens. */
  answerBy(response: ServerResponse): void {
    this.#response = response;
  }

  override on(event: string | symbol, listener: Listener): this {
    return this.#tellsEnd(event, listener) ? this : super.on(event, listener);
  }

  override addListener(event: string | symbol, listener: Listener): this {
    return this.#tellsEnd(event, listener) ? this : super.addListener(event, listener);
  }

  override once(event: string | symbol, listener: Listener): this {
    return this.#tellsEnd(event, listener) ? this : super.once(event, listener);
  }

  /** Tells the listener that there is nothing to read, if that is what it waits for. */
  #tellsEnd(event: string | symbol, listener: Listener): boolean {
    if (hasBody(this)) return false;
    if (event === 'close' || event === 'aborted') this.#follow();
    if (event !== 'end') return false;
    process.nextTick(() => Reflect.apply(listener, this, []));
    return true;
  }

  #follow(): void {
    const response = this.#response;
    if (this.#isFollowing || response === undefined) return;
    this.#isFollowing = true;
    response.once('close', () => {
      if (!response.writableFinished) {
        this.aborted = true;
        this.emit('aborted');
      }
      this.emit('close');
    });
  }
}

/** A listener of a server's `request` that has requests follow their responses. */
export function linkRequestsToResponses(listener: RequestListener): RequestListener<typeof ServerRequest> {
  return (request, response) => {
    request.answerBy(response);
    listener(request, response);
  };
}

/** As Node looks at it (RFC 9112 section 6). */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}
