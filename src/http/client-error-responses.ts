import { randomUUID } from 'node:crypto';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  bodyTooLarge,
  headersTooLarge,
  methodNotAllowed,
  requestMalformed,
  requestTimeout,
  uriTooLong,
} from '../problems/http-status.problems.js';
import { PROBLEM_MEDIA_TYPE, problemBody } from '../problems/problem-body.js';
import type { Problem } from '../problems/problem.js';
import { clientAddress, type IsTrustedProxy } from './client-address.js';
import type { HeadersByOrigin } from './cors.js';
import { limitBodyChunks } from './body-chunk-limit.js';
import { endAfterPendingResponses } from './pipelining.js';
import { requestId } from './request-id.js';
import type { CountRequest } from './request-rate-limit.js';
import { MAX_TARGET_LENGTH } from './query-string.js';

/** What Node says of a request that it could not parse or did not receive in time. */
interface ClientError extends Error {
  readonly code?: string;
  /** A Buffer; Fastify's types describe its JSON form. */
  readonly rawPacket?: unknown;
}

/** What an answer needs where Fastify has no reply. */
interface ResponseContext {
  /** Those of every answer. */
  readonly headersFor: HeadersByOrigin;
  readonly isTrusted: IsTrustedProxy;
  readonly countRequest: CountRequest;
  readonly log: FastifyBaseLogger;
}

/**
 * What Fastify's `clientErrorHandler` does: what never became a request is answered as a problem too, then cut off. In its turn:
 * the requests before it get their own answers first.
 */
export function respondToClientError(error: ClientError, socket: Socket, context: ResponseContext): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  endConnectionWithProblem(problemOf(error), socket, context);
}

/**
 * Takes what Node would answer without a body, or not at all: CONNECT, and expectations, which are looked at like all else of a
 * request; and bodies in too many pieces.
 */
export function handleConnectionErrors({ server, log }: FastifyInstance, fixed: Omit<ResponseContext, 'log'>): void {
  const context = { ...fixed, log };
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
  limitBodyChunks(server, (socket) =>
    endConnectionWithProblem(bodyTooLarge({ detail: 'Send the body in larger chunks.' }), socket, context),
  );
}

function endConnectionWithProblem(problem: Problem, socket: Socket, context: ResponseContext): void {
  endAfterPendingResponses(socket, (unfinished) => {
    if (unfinished?.headersSent) socket.destroySoon();
    else if (unfinished) respondAndClose(problem, { socket, request: unfinished.req }, context);
    else {
      // No header section was parsed, so that only the connection says whose it is. One that never came is no request.
      const isRequest = problem.kind !== requestTimeout.kind;
      const counted = isRequest ? context.countRequest({ ip: socket.remoteAddress ?? '' }) : undefined;
      respondWhenCounted(counted, problem, { socket, request: undefined }, context);
    }
  });
}

/** By the problem, unless the request was one too many. */
function respondWhenCounted(
  counted: Promise<Problem | undefined> | undefined,
  problem: Problem,
  to: FailedRequest,
  context: ResponseContext,
): void {
  if (counted === undefined) respondAndClose(problem, to, context);
  else counted.then((refused) => respondAndClose(refused ?? problem, to, context)).catch(() => to.socket.destroy());
}

function problemOf({ code, rawPacket }: ClientError): Problem {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return requestTimeout();
  if (code !== 'HPE_HEADER_OVERFLOW') return requestMalformed();
  return isRequestLineTooLong(rawPacket) ? uriTooLong() : headersTooLarge();
}

/** Node counts the request line as a header. Seen only when the section began in the packet that overflowed. */
function isRequestLineTooLong(packet: unknown): boolean {
  if (!Buffer.isBuffer(packet) || !/^[A-Z]+ \//.test(packet.toString('latin1', 0, 16))) return false;
  const end = packet.indexOf('\n');
  return end === -1 || end > MAX_TARGET_LENGTH;
}

function respondAndClose(problem: Problem, to: FailedRequest, context: ResponseContext): void {
  const { socket } = to;
  // The answer before may have ended the connection.
  if (!socket.writable) {
    socket.destroySoon();
    return;
  }
  const { status, headers, body } = messageOf(problem, to, context);
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${fields.join('')}\r\n${body}`, () => socket.destroy());
}

/** Whom an answer goes to: the request is known as soon as its header section was parsed. */
interface FailedRequest {
  readonly socket: Socket;
  readonly request: IncomingMessage | undefined;
}

/** Logged like a request, as far as it is known. */
function messageOf(
  problem: Problem,
  { socket, request }: FailedRequest,
  { headersFor, isTrusted, log }: ResponseContext,
): { status: number; headers: Record<string, string>; body: string } {
  const reqId = request === undefined ? randomUUID() : requestId(request);
  const ip = request === undefined ? socket.remoteAddress : clientAddress(request, isTrusted);
  log.info({ reqId, route: '', status: problem.kind.status, ip }, 'request');
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
