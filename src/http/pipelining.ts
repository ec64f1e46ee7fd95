import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** So many requests of one connection may wait for the answers before them; a client that sends more is cut off. */
export const MAX_WAITING_REQUESTS = 32;

/** A client that got its answer before it sent the end of a chunked body may read that for so long before its connection is closed. */
export const LINGER_MS = 500;

/** Ends a connection, given the response to its unfinished request, which may have been sent, at least in part. */
type End = (unfinished: ServerResponse | undefined) => void;

/**
 * The requests of one connection that have not been answered yet, in the order in which they arrived. Each is processed once
 * those before it have been answered; never, if an answer before it ends the connection (RFC 9112 section 9.6). So no request is
 * acted upon whose answer nobody will see, and for a client that does not read one answer is made.
 */
class Pipeline {
  readonly #socket: Socket;
  readonly #unanswered: ServerResponse[] = [];
  /** Made when the first request has to wait. */
  #waiting: Map<ServerResponse, () => void> | undefined;
  /** The response to the newest request, while that may be unfinished. */
  #newest: ServerResponse | undefined;
  #end: { readonly unfinished: ServerResponse | undefined; readonly end: End } | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** False for a request that came after the end, or was one too many. */
  add(response: ServerResponse): boolean {
    if (this.#end !== undefined || this.#socket.destroyed) return false;
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

  wait(response: ServerResponse, process: () => void): void {
    (this.#waiting ??= new Map()).set(response, process);
  }

  remove(response: ServerResponse): void {
    if (this.#unanswered[0] === response) this.#unanswered.shift();
    else this.#unanswered.splice(this.#unanswered.indexOf(response), 1);
    if (response.req.complete) {
      if (this.#newest === response) this.#newest = undefined;
    } else if (isChunked(response)) this.#end ??= { unfinished: response, end: () => linger(this.#socket) };
    if (this.#end === undefined && this.#unanswered.length === 0) return;
    this.#goOn();
  }

  endAfterPendingResponses(end: End): void {
    if (this.#end !== undefined) return;
    const unfinished = this.#newest?.req.complete === false ? this.#newest : undefined;
    this.#end = { unfinished, end };
    this.#goOn();
  }

  #goOn(): void {
    const [next] = this.#unanswered;
    if (this.#end !== undefined && (next === undefined || next === this.#end.unfinished)) {
      this.#end.end(this.#end.unfinished);
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

/**
 * Closes for writing, reads no more, and closes when the client had time to read its answer (RFC 9112 section 9.6): Node would parse
 * all chunks to come, which may be of one byte each, only to discard them.
 */
function linger(socket: Socket): void {
  if (socket.destroyed) return;
  socket.end();
  socket.pause();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
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
 * A listener of a server's `request` that counts each request among the unanswered of its connection, and leaves out those that came
 * after the end, or that were one too many.
 */
export function trackPipelinedRequests(listener: RequestListener): RequestListener {
  return (request, response) => {
    if (pipelineOf(request.socket).add(response)) listener(request, response);
  };
}

/** Whether every request before this one on its connection has been answered, and the connection goes on. */
export function isNext(response: ServerResponse): boolean {
  // What is injected comes by no connection.
  return pipelines.get(response.req.socket)?.isNext(response) ?? true;
}

/** Processes a pipelined request when its turn has come; never, if the connection ends before. */
export function processWhenNext(response: ServerResponse, process: () => void): void {
  pipelineOf(response.req.socket).wait(response, process);
}

/**
 * Ends a connection once the requests that arrived on it whole have been answered; no request that arrives afterwards is processed. Only
 * the first call for a connection counts.
 */
export function endAfterPendingResponses(socket: Socket, end: End): void {
  pipelineOf(socket).endAfterPendingResponses(end);
}
