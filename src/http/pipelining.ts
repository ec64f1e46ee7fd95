import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { closeAfterLinger } from './lingering-close.js';

/**
 * Most pipelined requests of one connection that may wait for the responses before them; one more ends the connection.
 */
export const MAX_WAITING_REQUESTS = 32;

/** Ends a connection; gets the response to its unfinished request, of which a part may have been sent. */
type EndConnection = (unfinished: ServerResponse | undefined) => void;

/**
 * The unanswered requests of one connection, in the order of their arrival. A request is processed once those before it
 * have been answered; never, if a response before it closes the connection (RFC 9112 section 9.6). So no request takes
 * effect whose response cannot be seen, and a client that does not read causes one response at a time.
 */
class Pipeline {
  readonly #socket: Socket;
  readonly #unanswered: ServerResponse[] = [];
  /** Made when the first request has to wait. */
  #waiting: Map<ServerResponse, () => void> | undefined;
  /** The response to the newest request, while that request may be unfinished. */
  #newest: ServerResponse | undefined;
  #ending: { readonly unfinished: ServerResponse | undefined; readonly end: EndConnection } | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** False for a request that arrived after the end of the connection was decided, or is over the limit. */
  add(response: ServerResponse): boolean {
    if (this.#ending !== undefined || this.#socket.destroyed) return false;
    if (this.#unanswered.length > MAX_WAITING_REQUESTS) {
      this.#socket.destroy();
      return false;
    }
    this.#unanswered.push(response);
    this.#newest = response;
    response.on('close', onResponseClose);
    return true;
  }

  isNext(response: ServerResponse): boolean {
    return this.#unanswered[0] === response && this.#socket.writable;
  }

  defer(response: ServerResponse, process: () => void): void {
    (this.#waiting ??= new Map()).set(response, process);
  }

  remove(response: ServerResponse): void {
    if (this.#unanswered[0] === response) this.#unanswered.shift();
    else this.#unanswered.splice(this.#unanswered.indexOf(response), 1);
    if (response.req.complete) {
      if (this.#newest === response) this.#newest = undefined;
    } else if (isChunked(response))
      this.#ending ??= { unfinished: response, end: () => closeAfterLinger(this.#socket) };
    if (this.#ending === undefined && this.#unanswered.length === 0) return;
    this.#processNext();
  }

  endAfterPendingResponses(end: EndConnection): void {
    if (this.#ending !== undefined) return;
    const unfinished = this.#newest?.req.complete === false ? this.#newest : undefined;
    this.#ending = { unfinished, end };
    this.#processNext();
  }

  #processNext(): void {
    const [next] = this.#unanswered;
    if (this.#ending !== undefined && (next === undefined || next === this.#ending.unfinished)) {
      this.#ending.end(this.#ending.unfinished);
      return;
    }
    if (next === undefined || !this.#socket.writable) return;
    const process = this.#waiting?.get(next);
    this.#waiting?.delete(next);
    process?.();
  }
}

function isChunked({ req }: ServerResponse): boolean {
  return req.headers['transfer-encoding'] !== undefined;
}

const pipelines = new WeakMap<Socket, Pipeline>();

function pipelineOf(socket: Socket): Pipeline {
  const known = pipelines.get(socket);
  if (known !== undefined) return known;
  const pipeline = new Pipeline(socket);
  pipelines.set(socket, pipeline);
  return pipeline;
}

function onResponseClose(this: ServerResponse): void {
  pipelines.get(this.req.socket)?.remove(this);
}

/**
 * Wraps a server's `request` listener: keeps each request among the unanswered ones of its connection, and drops those
 * that arrive after the connection's end was decided or are over the limit.
 */
export function trackPipelinedRequests(listener: RequestListener): RequestListener {
  return (request, response) => {
    if (pipelineOf(request.socket).add(response)) listener(request, response);
  };
}

/** Whether every request before this one on its connection has been answered, and the connection is still open. */
export function isNextToProcess(response: ServerResponse): boolean {
  // Requests of Fastify's `inject` have no connection.
  return pipelines.get(response.req.socket)?.isNext(response) ?? true;
}

/** Calls `process` once the requests before this one have been answered; never, if the connection ends before. */
export function processWhenNext(response: ServerResponse, process: () => void): void {
  pipelineOf(response.req.socket).defer(response, process);
}

/**
 * Ends a connection once the requests that arrived whole have been answered; requests that arrive later are dropped.
 * Only the first call for a connection has an effect.
 */
export function endAfterPendingResponses(socket: Socket, end: EndConnection): void {
  pipelineOf(socket).endAfterPendingResponses(end);
}
