import type { FastifyHttpOptions, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Server } from 'node:http';
import { sendProblem } from '../problems/problem.filter.js';
import type { Problem } from '../problems/problem.js';
import { boundArrivals } from './arrivals.js';
import { BODY_LIMIT_BYTES } from './body-limit.js';
import { useStrictJson } from './body-parser.js';
import { lazyLogger } from './lazy-logger.js';
import { parseQuery } from './query.js';
import { requestId } from './request-id.js';
import { logRequest } from './request-log.js';
import { responseHeaders, securityHeaders } from './response-headers.js';
import { trackRoutes, type Routes } from './routes.js';
import { schemaCompiler } from './schema-compiler.js';
import { refusal } from './screening.js';
import { cutSlowReaders, type ReadingPace } from './slow-readers.js';
import { answerClientError, useSocketErrors } from './socket-errors.js';
import { hasTurn, inTurn } from './turns.js';

/** How patient the server is with slow clients, in milliseconds. */
export interface Patience extends ReadingPace {
  /** For the header section, from the first byte or the connection. */
  readonly headersMs: number;
  /** For the whole request, body included. */
  readonly requestMs: number;
  /** Between two requests of a connection. */
  readonly idleMs: number;
  /** How often all are looked at. */
  readonly checkMs: number;
}

export const PATIENCE: Patience = {
  headersMs: 5000,
  requestMs: 10_000,
  idleMs: 72_000,
  graceMs: 10_000,
  bytesPerSecond: 8192,
  checkMs: 1000,
};

export interface WireSettings {
  /** Whether the public address is https: adds Strict-Transport-Security. */
  readonly https: boolean;
  /** Addresses and networks whose `X-Forwarded-For` is believed. */
  readonly trustedProxies?: readonly string[] | undefined;
}

/** The Fastify options of the wire; pass them, with a logger, to the constructor that makes the instance. */
export function wireOptions({ https, trustedProxies = [] }: WireSettings, patience: Patience = PATIENCE) {
  const setHeaders = responseHeaders({ https });
  const headers = securityHeaders({ https });
  return {
    bodyLimit: BODY_LIMIT_BYTES,
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    genReqId: requestId,
    childLoggerFactory: lazyLogger,
    requestTimeout: patience.requestMs,
    keepAliveTimeout: patience.idleMs,
    // Fastify's own 503 while closing is no problem+json, and a request that was accepted is to be served.
    return503OnClosing: false,
    routerOptions: { querystringParser: parseQuery },
    http: {
      headersTimeout: patience.headersMs,
      connectionsCheckingInterval: patience.checkMs,
      // Node answers a missing Host without a body; screening answers it instead.
      requireHostHeader: false,
    },
    clientErrorHandler(this: FastifyInstance, error, socket) {
      answerClientError(error, socket, { headers, log: this.log });
    },
    frameworkErrors: (error, request, reply) => {
      setHeaders(request, reply);
      sendProblem(error, () => undefined, request, reply);
      logRequest(request, reply);
    },
  } satisfies FastifyHttpOptions<Server>;
}

/**
 * Makes the instance speak the wire of DESIGN.md: one request of a connection after the other, headers on every answer, 404 and
 * 405 before anything else, strict query and JSON, strict validation; while the process is leaving each answer ends its
 * connection. Call it first, before any plugin, route or other hook.
 */
export function useWire(
  fastify: FastifyInstance,
  settings: WireSettings,
  { isLeaving = () => false, pace = PATIENCE }: { isLeaving?: () => boolean; pace?: ReadingPace } = {},
): Routes {
  const setHeaders = responseHeaders(settings);
  const routes = trackRoutes(fastify);
  const look = (request: FastifyRequest, reply: FastifyReply, done: (problem?: Problem) => void): void => {
    setHeaders(request, reply);
    // Node loses what a client sends after a request for an upgrade that nobody grants.
    if (isLeaving() || request.headers.upgrade !== undefined) reply.header('connection', 'close');
    done(refusal(request, routes));
  };
  fastify.addHook('onRequest', (request, reply, done) => {
    if (hasTurn(reply)) look(request, reply, done);
    else inTurn(reply, () => look(request, reply, done));
  });
  useStrictJson(fastify);
  fastify.setValidatorCompiler(schemaCompiler());
  useSocketErrors(fastify, securityHeaders(settings));
  boundArrivals(fastify);
  cutSlowReaders(fastify, pace);
  return routes;
}
