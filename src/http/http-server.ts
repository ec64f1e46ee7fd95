import type { FastifyHttpOptions, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { createServer, type Server } from 'node:http';
import { sendProblem } from '../problems/problem.filter.js';
import { internalError } from '../problems/http-status.problems.js';
import type { Problem } from '../problems/problem.js';
import { BODY_LIMIT_BYTES } from './body-limit.js';
import { normalizeContentType, registerStrictJsonParser } from './body-parser.js';
import { clientAddressSetter, trustedProxyMatcher, type IsTrustedProxy } from './client-address.js';
import { sendPreflightResponse, isPreflight, type HeadersByOrigin } from './cors.js';
import { ServerRequest, linkRequestsToResponses } from './empty-request-events.js';
import { FramedResponse } from './response-framing.js';
import { lazyRequestLogger } from '../logging/lazy-request-logger.js';
import { isNext, processWhenNext, trackPipelinedRequests } from './pipelining.js';
import { parseQuery } from './query-string.js';
import { requestId } from './request-id.js';
import { logRequest } from '../logging/access-log.js';
import type { CountRequest } from './request-rate-limit.js';
import { responseHeadersByOrigin, responseHeaderSetter } from './response-headers.js';
import { trackAllowedMethods, type Routes } from './allowed-methods.js';
import { schemaCompiler } from './schema-compiler.js';
import { malformed, misdirected } from './request-checks.js';
import { disconnectSlowReaders, type ReadPace } from './slow-readers.js';
import { respondToClientError, handleConnectionErrors } from './client-error-responses.js';

/** How patient the server is with slow clients, in milliseconds. */
export interface ClientTimeouts extends ReadPace {
  /** For the header section, from the first byte or the connection. */
  readonly headersMs: number;
  /** For the whole request, body included. */
  readonly requestMs: number;
  /** Between two requests of a connection. */
  readonly idleMs: number;
  /** How often all are looked at. */
  readonly checkMs: number;
}

export const CLIENT_TIMEOUTS: ClientTimeouts = {
  headersMs: 5000,
  requestMs: 10_000,
  idleMs: 72_000,
  graceMs: 10_000,
  bytesPerSecond: 8192,
  checkMs: 1000,
};

export interface HttpSettings {
  /** Whether the public address is https: adds Strict-Transport-Security. */
  readonly https: boolean;
  /** Addresses and networks whose `X-Forwarded-For` is believed. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Origins whose pages may call from a browser. */
  readonly corsOrigins?: readonly string[] | undefined;
  readonly countRequest?: CountRequest;
}

/** What the options, the hooks and the client-error responses share; made once for an application. */
export interface HttpSetup {
  readonly corsOrigins: readonly string[] | undefined;
  readonly headersFor: HeadersByOrigin;
  readonly isTrusted: IsTrustedProxy;
  readonly trustsSomebody: boolean;
  readonly countRequest: CountRequest;
  readonly receive: Receive;
}

/** What is done with every request whose header section was parsed, before anything looks at it; says why it is refused. */
type Receive = (request: FastifyRequest, reply: FastifyReply) => Promise<Problem | undefined> | undefined;

/** Makes what {@link httpServerOptions} and {@link registerHttp} share of the settings. */
export function prepareHttp(settings: HttpSettings): HttpSetup {
  const { trustedProxies, corsOrigins, countRequest = nothing } = settings;
  const headersFor = responseHeadersByOrigin(settings);
  const isTrusted = trustedProxyMatcher(trustedProxies ?? []);
  const trustsSomebody = trustedProxies !== undefined;
  const setHeaders = responseHeaderSetter(headersFor, { dependOnOrigin: corsOrigins !== undefined });
  const settleClientAddress = clientAddressSetter(trustsSomebody ? isTrusted : undefined);
  const receive: Receive = (request, reply) => {
    settleClientAddress(request);
    setHeaders(request, reply);
    return countRequest(request);
  };
  return { corsOrigins, headersFor, isTrusted, trustsSomebody, countRequest, receive };
}

/** The options of Fastify; pass them, with a logger, to the constructor that makes the instance. */
export function httpServerOptions(http: HttpSetup, timeouts: ClientTimeouts = CLIENT_TIMEOUTS) {
  const { headersFor, isTrusted, countRequest, receive } = http;
  return {
    bodyLimit: BODY_LIMIT_BYTES,
    trustProxy: http.trustsSomebody && isTrusted,
    genReqId: requestId,
    childLoggerFactory: lazyRequestLogger,
    // Fastify's own 503 while closing is no problem+json, and a request that was accepted is to be served.
    return503OnClosing: false,
    routerOptions: { querystringParser: parseQuery },
    serverFactory: (handler) =>
      createServer(
        {
          IncomingMessage: ServerRequest,
          ServerResponse: FramedResponse,
          headersTimeout: timeouts.headersMs,
          requestTimeout: timeouts.requestMs,
          keepAliveTimeout: timeouts.idleMs,
          connectionsCheckingInterval: timeouts.checkMs,
          // Node answers a missing Host without a body; screening answers it instead.
          requireHostHeader: false,
          // Spares a request without a body what its stream would cost, which is never read.
          optimizeEmptyRequests: true,
        },
        linkRequestsToResponses(trackPipelinedRequests(handler)),
      ),
    clientErrorHandler(this: FastifyInstance, error, socket) {
      respondToClientError(error, socket, { headersFor, isTrusted, countRequest, log: this.log });
    },
    frameworkErrors: (error, request, reply) => {
      const answer = (refused?: Problem): void => {
        sendProblem(refused ?? error, () => undefined, request, reply);
        logRequest(request, reply);
      };
      const counted = receive(request, reply);
      if (counted === undefined) answer();
      else whenCounted(counted, answer);
    },
  } satisfies FastifyHttpOptions<Server>;
}

/**
 * Registers the HTTP interface of DESIGN.md: one request of a connection after the other, headers on every answer and every
 * request counted, preflights, 404 and 405 before anything else, strict query and JSON, strict validation; while the process is
 * leaving each answer ends its connection. Call it first, before any plugin, route or other hook.
 */
export function registerHttp(
  fastify: FastifyInstance,
  { corsOrigins, headersFor, isTrusted, countRequest, receive }: HttpSetup,
  { isShuttingDown = () => false, pace = CLIENT_TIMEOUTS }: { isShuttingDown?: () => boolean; pace?: ReadPace } = {},
): Routes {
  const routes = trackAllowedMethods(fastify);
  const screen = (request: FastifyRequest, reply: FastifyReply, done: (problem?: Problem) => void): void => {
    normalizeContentType(request.raw);
    const problem = malformed(request);
    if (problem === undefined && isPreflight(request.raw, corsOrigins)) return sendPreflightResponse(reply);
    done(problem ?? misdirected(request, routes));
  };
  const checkRequest = (request: FastifyRequest, reply: FastifyReply, done: (problem?: Problem) => void): void => {
    // Node loses what a client sends after a request for an upgrade that nobody grants.
    if (isShuttingDown() || request.headers.upgrade !== undefined) reply.header('connection', 'close');
    const counted = receive(request, reply);
    if (counted === undefined) return screen(request, reply, done);
    whenCounted(counted, (refused) => {
      if (refused === undefined) screen(request, reply, done);
      else sendProblem(refused, () => undefined, request, reply);
    });
  };
  fastify.addHook('onRequest', (request, reply, done) => {
    if (isNext(reply.raw)) checkRequest(request, reply, done);
    else processWhenNext(reply.raw, () => checkRequest(request, reply, done));
  });
  // Fastify leaves a server of a factory that never listened to us.
  fastify.addHook('onClose', (_instance, done) => {
    if (!fastify.server.listening) fastify.server.close();
    done();
  });
  registerStrictJsonParser(fastify);
  fastify.setValidatorCompiler(schemaCompiler());
  handleConnectionErrors(fastify, { headersFor, isTrusted, countRequest });
  disconnectSlowReaders(fastify, pace);
  return routes;
}

const nothing: CountRequest = () => undefined;

function whenCounted(counted: Promise<Problem | undefined>, then: (refused?: Problem) => void): void {
  counted.then(then, (error: unknown) => then(internalError({ cause: error })));
}
