import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { ChunkLimitedRequest } from './body-chunk-limit.js';

type Listener = (...args: unknown[]) => void;

/**
 * Node's request, for a server with `optimizeEmptyRequests`. With that option the stream of a request without a body
 * has ended from the start, which saves a guarded request a twentieth of its CPU, but emits no events. This class emits
 * those that Node emits without the option: `end` for body parsers; `aborted` and `close` for Fastify's
 * `onRequestAbort` and `request.signal`, and for handlers.
 */
export class ServerRequest extends ChunkLimitedRequest {
  #response: ServerResponse | undefined;
  #isFollowingResponse = false;

  /** Sets the response whose end is the end of this request; before any listener is added. */
  setResponse(response: ServerResponse): void {
    this.#response = response;
  }

  override on(event: string | symbol, listener: Listener): this {
    return this.#callsAtOnce(event, listener) ? this : super.on(event, listener);
  }

  override addListener(event: string | symbol, listener: Listener): this {
    return this.#callsAtOnce(event, listener) ? this : super.addListener(event, listener);
  }

  override once(event: string | symbol, listener: Listener): this {
    return this.#callsAtOnce(event, listener) ? this : super.once(event, listener);
  }

  /** Calls a listener of `end` in the next tick if there is no body; true if it did. */
  #callsAtOnce(event: string | symbol, listener: Listener): boolean {
    if (hasBody(this)) return false;
    if (event === 'close' || event === 'aborted') this.#followResponse();
    if (event !== 'end') return false;
    process.nextTick(() => Reflect.apply(listener, this, []));
    return true;
  }

  #followResponse(): void {
    const response = this.#response;
    if (this.#isFollowingResponse || response === undefined) return;
    this.#isFollowingResponse = true;
    response.once('close', () => {
      if (!response.writableFinished) {
        this.aborted = true;
        this.emit('aborted');
      }
      this.emit('close');
    });
  }
}

/** Wraps a server's `request` listener so that each request knows its response. */
export function linkRequestsToResponses(listener: RequestListener): RequestListener<typeof ServerRequest> {
  return (request, response) => {
    request.setResponse(response);
    listener(request, response);
  };
}

/** By the same rule as Node (RFC 9112 section 6). */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}
