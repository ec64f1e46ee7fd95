import type { FastifyHttpOptions, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { createServer, type Server } from 'node:http';
import { lazyRequestLogger } from '../logging/lazy-request-logger.js';
import { logRequest } from '../logging/access-log.js';
import { sendProblem } from '../problems/problem.filter.js';
import type { Problem } from '../problems/problem.js';
import { trackAllowedMethods } from './allowed-methods.js';
import { BODY_LIMIT_BYTES } from './body-limit.js';
import { registerBodyTimeouts } from './body-timeouts.js';
import { normalizeContentType, registerContentTypeParsers } from './content-type-parser.js';
import { clientAddressSetter, trustedProxyMatcher, type IsTrustedProxy } from './client-address.js';
import { handleConnectionErrors, respondToClientError } from './client-error-responses.js';
import { CLIENT_TIMEOUTS, type ClientTimeouts } from './client-timeouts.js';
import { isPreflight, sendPreflightResponse, type HeadersByOrigin } from './cors.js';
import { linkRequestsToResponses, ServerRequest } from './empty-request-events.js';
import { keepConnectionAddresses } from './connection-address.js';
import { checkExpectation } from './expect-header.js';
import { whenCounted, withoutLimit, type CountRequest } from './count-request.js';
import { checkPathAndQuery } from './path-and-query-checks.js';
import { isNextToProcess, processWhenNext, trackPipelinedRequests } from './pipelining.js';
import { parseQuery } from './query-string.js';
import { checkFraming } from './request-framing.js';
import { checkHeadLimits } from './uri-and-header-limits.js';
import { requestId } from './request-id.js';
import { FramedResponse } from './response-framing.js';
import { responseHeadersByOrigin, responseHeaderSetter } from './response-headers.js';
import { schemaCompiler } from './schema-compiler.js';
import { limitStreamedBodies } from './streamed-body-limit.js';
import { disconnectSlowReaders, READ_PACE, type ReadPace } from './slow-readers.js';

/** Settings of the HTTP layer. */
interface HttpSettings {
  /** Whether the public address is https: adds Strict-Transport-Security. */
  readonly https: boolean;
  /** Addresses and networks of proxies whose `X-Forwarded-For` is trusted. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Origins allowed by CORS. */
  readonly corsOrigins?: readonly string[] | undefined;
  readonly countRequest?: CountRequest;
}

/** What the server options, the hooks and the client-error responses share; one per application. */
export interface HttpSetup {
  readonly corsOrigins: readonly string[] | undefined;
  readonly headersFor: HeadersByOrigin;
  readonly isTrusted: IsTrustedProxy;
  readonly hasTrustedProxies: boolean;
  readonly countRequest: CountRequest;
  readonly prepareRequest: PrepareRequest;
}

/**
 * Sets the client's address and the response headers, and counts the request; resolves to a problem
 * if it is over the rate limit.
 */
type PrepareRequest = (request: FastifyRequest, reply: FastifyReply) => Promise<Problem | undefined> | undefined;

/** Makes what {@link httpServerOptions} and {@link registerHttp} share from the settings. */
export function prepareHttp(settings: HttpSettings): HttpSetup {
  const { trustedProxies, corsOrigins, countRequest = withoutLimit } = settings;
  const headersFor = responseHeadersByOrigin(settings);
  const isTrusted = trustedProxyMatcher(trustedProxies ?? []);
  const hasTrustedProxies = trustedProxies !== undefined;
  const setHeaders = responseHeaderSetter(headersFor, { dependOnOrigin: corsOrigins !== undefined });
  const setClientAddress = clientAddressSetter(hasTrustedProxies ? isTrusted : undefined);
  const prepareRequest: PrepareRequest = (request, reply) => {
    setClientAddress(request);
    setHeaders(request, reply);
    return countRequest(request);
  };
  return { corsOrigins, headersFor, isTrusted, hasTrustedProxies, countRequest, prepareRequest };
}

/** Fastify's options, to be passed with a logger to the constructor that makes the instance. */
export function httpServerOptions(http: HttpSetup, timeouts: ClientTimeouts = CLIENT_TIMEOUTS) {
  const { headersFor, isTrusted, countRequest, prepareRequest } = http;
  return {
    bodyLimit: BODY_LIMIT_BYTES,
    trustProxy: http.hasTrustedProxies && isTrusted,
    genReqId: requestId,
    childLoggerFactory: lazyRequestLogger,
    // Requests that were accepted are served while closing; Fastify's 503 is not problem+json either.
    return503OnClosing: false,
    routerOptions: { querystringParser: parseQuery },
    serverFactory: (handler) =>
      keepConnectionAddresses(
        createServer(
          {
            IncomingMessage: ServerRequest,
            ServerResponse: FramedResponse,
            headersTimeout: Math.min(timeouts.headersMs, timeouts.requestMs),
            requestTimeout: timeouts.requestMs,
            keepAliveTimeout: timeouts.idleMs,
            connectionsCheckingInterval: timeouts.checkMs,
            // Node's own 400 for a missing Host has no body; `checkFraming` sends one.
            requireHostHeader: false,
            // Saves the cost of a stream that is never read.
            optimizeEmptyRequests: true,
          },
          linkRequestsToResponses(trackPipelinedRequests(handler)),
        ),
      ),
    clientErrorHandler(this: FastifyInstance, error, socket) {
      respondToClientError(error, socket, { headersFor, isTrusted, countRequest, log: this.log });
    },
    frameworkErrors: (error, request, reply) => {
      const respond = (overLimit?: Problem): void => {
        sendProblem(overLimit ?? error, () => undefined, request, reply);
        logRequest(request, reply);
      };
      const counted = prepareRequest(request, reply);
      if (counted === undefined) respond();
      else whenCounted(counted, respond);
    },
  } satisfies FastifyHttpOptions<Server>;
}

/**
 * Registers the HTTP layer. For each request, in this order: it waits for the requests before it on its
 * connection, gets its response headers, is counted, checked (size, framing, expectation), answered if it is a
 * preflight, and refused with 404, 405 or 400 for its path, method or query. Later come authentication, strict
 * JSON and strict validation. While `isShuttingDown`, every response closes its connection. Call it before any
 * plugin, route or other hook.
 */
export function registerHttp(
  fastify: FastifyInstance,
  { corsOrigins, headersFor, isTrusted, countRequest, prepareRequest }: HttpSetup,
  { isShuttingDown = () => false, pace = READ_PACE }: { isShuttingDown?: () => boolean; pace?: ReadPace } = {},
): void {
  const allowedMethods = trackAllowedMethods(fastify);
  const checkRequest = (request: FastifyRequest, reply: FastifyReply, done: (problem?: Problem) => void): void => {
    normalizeContentType(request, fastify);
    const problem = checkHeadLimits(request) ?? checkFraming(request.raw) ?? checkExpectation(request.raw);
    if (problem === undefined && isPreflight(request.raw, corsOrigins)) return sendPreflightResponse(reply);
    done(problem ?? checkPathAndQuery(request, allowedMethods));
  };
  const processRequest = (request: FastifyRequest, reply: FastifyReply, done: (problem?: Problem) => void): void => {
    // Node drops what a client sends after an upgrade request that is not granted.
    if (isShuttingDown() || request.headers.upgrade !== undefined) reply.header('connection', 'close');
    const counted = prepareRequest(request, reply);
    if (counted === undefined) return checkRequest(request, reply, done);
    whenCounted(counted, (overLimit) => {
      if (overLimit === undefined) checkRequest(request, reply, done);
      else sendProblem(overLimit, () => undefined, request, reply);
    });
  };
  fastify.addHook('onRequest', (request, reply, done) => {
    if (isNextToProcess(reply.raw)) processRequest(request, reply, done);
    else processWhenNext(reply.raw, () => processRequest(request, reply, done));
  });
  // Fastify does not close the server of a `serverFactory` that never listened.
  fastify.addHook('onClose', (_instance, done) => {
    if (!fastify.server.listening) fastify.server.close();
    done();
  });
  registerContentTypeParsers(fastify);
  fastify.setValidatorCompiler(schemaCompiler());
  const endConnection = handleConnectionErrors(fastify, { headersFor, isTrusted, countRequest });
  limitStreamedBodies(fastify);
  registerBodyTimeouts(fastify, endConnection);
  disconnectSlowReaders(fastify, pace);
}
