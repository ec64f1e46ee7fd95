import { randomUUID } from 'node:crypto';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  headersTooLarge,
  methodNotAllowed,
  requestMalformed,
  requestTimeout,
  uriTooLong,
} from '../problems/http-status.problems.js';
import { logUnroutedRequest } from '../logging/access-log.js';
import { PROBLEM_MEDIA_TYPE, problemBody } from '../problems/problem-body.js';
import type { Problem } from '../problems/problem.js';
import { limitBodyChunks, tooManyChunks } from './body-chunk-limit.js';
import { clientAddress, type IsTrustedProxy } from './client-address.js';
import type { HeadersByOrigin } from './cors.js';
import { closeAfterLinger } from './lingering-close.js';
import { endAfterPendingResponses } from './pipelining.js';
import { isRequestLineTooLong } from './uri-and-header-limits.js';
import { requestId } from './request-id.js';
import type { CountRequest } from './count-request.js';

/** Node's error for a request that it could not parse or did not receive in time. */
interface ClientError extends Error {
  readonly code?: string;
  /** A Buffer; Fastify's types describe its JSON form. */
  readonly rawPacket?: unknown;
}

/** What a response needs where Fastify has no reply. */
interface ResponseContext {
  readonly headersFor: HeadersByOrigin;
  readonly isTrusted: IsTrustedProxy;
  readonly countRequest: CountRequest;
  readonly log: FastifyBaseLogger;
}

/** The receiver of a response; `request` is known once the header section was parsed. */
interface Receiver {
  readonly socket: Socket;
  readonly request: IncomingMessage | undefined;
}

/**
 * Fastify's `clientErrorHandler`: sends a problem for bytes that are no request, and closes the connection. The
 * requests before them get their own responses first.
 */
export function respondToClientError(error: ClientError, socket: Socket, context: ResponseContext): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  endConnectionWithProblem(problemOf(error), socket, context);
}

/** Sends a problem to the unfinished request of a connection, after the responses before it, and closes the connection. */
export type EndConnectionWith = (problem: Problem, socket: Socket) => void;

/**
 * Sends problems where Node would respond without a body or not at all: to CONNECT, and to a body in too many chunks. A
 * request with an `Expect` header is passed on, to be checked like any other. Returns what does so for other reasons.
 */
export function handleConnectionErrors(
  { server, log }: FastifyInstance,
  settings: Omit<ResponseContext, 'log'>,
): EndConnectionWith {
  const context = { ...settings, log };
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    socket.on('error', () => socket.destroy());
    endAfterPendingResponses(socket, () => {
      const { countRequest, isTrusted } = context;
      const problem = methodNotAllowed({ headers: { allow: '' } });
      respondWhenCounted(
        countRequest({ ip: clientAddress(request, isTrusted) }),
        problem,
        { socket, request },
        context,
      );
    });
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response);
  });
  const endConnection: EndConnectionWith = (problem, socket) => endConnectionWithProblem(problem, socket, context);
  limitBodyChunks(server, (socket) => endConnection(tooManyChunks(), socket));
  return endConnection;
}

function endConnectionWithProblem(problem: Problem, socket: Socket, context: ResponseContext): void {
  endAfterPendingResponses(socket, (unfinished) => {
    if (unfinished?.headersSent) closeAfterLinger(socket);
    else if (unfinished) respondAndClose(problem, { socket, request: unfinished.req }, context);
    else {
      // Without a parsed header section only the connection's address is known. A timeout
      // without any request is not counted.
      const isRequest = problem.kind !== requestTimeout.kind;
      const counted = isRequest ? context.countRequest({ ip: socket.remoteAddress ?? '' }) : undefined;
      respondWhenCounted(counted, problem, { socket, request: undefined }, context);
    }
  });
}

/** Sends the problem, or the rate limit's problem if the request is over the limit. */
function respondWhenCounted(
  counted: Promise<Problem | undefined> | undefined,
  problem: Problem,
  to: Receiver,
  context: ResponseContext,
): void {
  if (counted === undefined) respondAndClose(problem, to, context);
  else counted.then((overLimit) => respondAndClose(overLimit ?? problem, to, context)).catch(() => to.socket.destroy());
}

function problemOf({ code, rawPacket }: ClientError): Problem {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return requestTimeout();
  if (code !== 'HPE_HEADER_OVERFLOW') return requestMalformed();
  return isRequestLineTooLong(rawPacket) ? uriTooLong() : headersTooLarge();
}

function respondAndClose(problem: Problem, to: Receiver, context: ResponseContext): void {
  const { socket } = to;
  // The response before may have ended the connection.
  if (!socket.writable) {
    socket.destroySoon();
    return;
  }
  const { status, headers, body } = loggedResponse(problem, to, context);
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${fields.join('')}\r\n${body}`);
  closeAfterLinger(socket);
}

/** The response to send; writes the access-log line with what is known of the request. */
function loggedResponse(
  problem: Problem,
  { socket, request }: Receiver,
  { headersFor, isTrusted, log }: ResponseContext,
): { status: number; headers: Record<string, string>; body: string } {
  const reqId = request === undefined ? randomUUID() : requestId(request);
  const ip = request === undefined ? socket.remoteAddress : clientAddress(request, isTrusted);
  logUnroutedRequest(log, { reqId, status: problem.kind.status, ip });
  const body = JSON.stringify(problemBody(problem, reqId));
  const headers = {
    ...headersFor(request?.headers.origin),
    ...problem.headers,
    'x-request-id': reqId,
    'content-type': PROBLEM_MEDIA_TYPE,
    'content-length': String(Buffer.byteLength(body)),
    date: new Date().toUTCString(),
    connection: 'close',
  };
  return { status: problem.kind.status, headers, body };
}
