import type { FastifyInstance, preParsingHookHandler } from 'fastify';
import { IncomingMessage } from 'node:http';
import { requestTimeout } from '../problems/http-status.problems.js';
import type { EndConnectionWith } from './client-error-responses.js';
import { bodyConfigOf } from './route-body.js';

/** The time limits of requests whose bodies have not arrived. */
class BodyTimeouts {
  readonly #timers = new Map<IncomingMessage, NodeJS.Timeout>();

  constructor(private readonly endConnection: EndConnectionWith) {}

  /** Starts the time limit of a request, or replaces it; nothing for a request without a body. */
  limit(request: IncomingMessage, milliseconds: number): void {
    const { headers, complete } = request;
    if (complete || (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined)) return;
    const running = this.#timers.get(request);
    if (running === undefined) request.once('close', () => this.#end(request));
    else clearTimeout(running);
    this.#timers.set(request, setTimeout(() => this.#expire(request), milliseconds).unref());
  }

  #expire(request: IncomingMessage): void {
    this.#end(request);
    if (!request.complete && !request.socket.destroyed) this.endConnection(requestTimeout(), request.socket);
  }

  #end(request: IncomingMessage): void {
    clearTimeout(this.#timers.get(request));
    this.#timers.delete(request);
  }
}

/**
 * Gives the routes with `bodySeconds` in their config that long for a body. Node has one time limit for all requests of
 * a server: where there is such a route, that becomes the longest, and every request has a timer of the usual length,
 * which is replaced once the request has passed authentication.
 */
export function registerBodyTimeouts(fastify: FastifyInstance, endConnection: EndConnectionWith): void {
  const timeouts = new BodyTimeouts(endConnection);
  let longestMs = 0;
  fastify.addHook('onRoute', (route) => {
    const { bodySeconds } = bodyConfigOf(route.config);
    if (bodySeconds === undefined) return;
    const milliseconds = bodySeconds * 1000;
    longestMs = Math.max(longestMs, milliseconds);
    const extend: preParsingHookHandler = ({ raw }, _reply, payload, done) => {
      // Not a request of `inject`, which has arrived.
      if (milliseconds > usualMs && raw instanceof IncomingMessage) timeouts.limit(raw, milliseconds);
      done(null, payload);
    };
    route.preParsing = [route.preParsing ?? [], extend].flat();
  });
  const { server } = fastify;
  const usualMs = server.requestTimeout;
  fastify.addHook('onReady', (done) => {
    if (longestMs > usualMs) {
      // Node's limit includes the time before authentication.
      server.requestTimeout = usualMs + longestMs;
      server.prependListener('request', (request: IncomingMessage) => timeouts.limit(request, usualMs));
    }
    done();
  });
}
