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
} from '../problems/framework.problems.js';
import { PROBLEM_MEDIA_TYPE, problemBody } from '../problems/problem-body.js';
import type { Problem } from '../problems/problem.js';
import { SECURITY_HEADERS } from './response-headers.js';
import { MAX_TARGET_LENGTH } from './screening.js';
import { expectationFailed } from './wire.problems.js';

/** What Node says of a request that it could not parse or did not receive in time. */
interface ClientError extends Error {
  readonly code?: string;
  /** A Buffer; Fastify's types describe its JSON form. */
  readonly rawPacket?: unknown;
}

/** What Fastify's `clientErrorHandler` does: what never became a request is answered as a problem too, then cut off. */
export function answerClientError(error: ClientError, socket: Socket, log: FastifyBaseLogger): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  answerAndClose(problemOf(error), socket, log);
}

/** Takes what Node would answer without a body, or not at all: CONNECT, and expectations other than 100-continue. */
export function useSocketErrors({ server, log }: FastifyInstance): void {
  server.on('connect', (_request: IncomingMessage, socket: Socket) => {
    socket.on('error', () => socket.destroy());
    answerAndClose(methodNotAllowed({ headers: { allow: '' } }), socket, log);
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const { status, headers, body } = messageOf(expectationFailed(), request.socket, log);
    response.writeHead(status, headers).end(body);
  });
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

function answerAndClose(problem: Problem, socket: Socket, log: FastifyBaseLogger): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { status, headers, body } = messageOf(problem, socket, log);
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${fields.join('')}\r\n${body}`, () => socket.destroy());
}

/** What is answered where Fastify has no request; logged like one, as far as it is known. */
function messageOf(
  problem: Problem,
  socket: Socket,
  log: FastifyBaseLogger,
): { status: number; headers: Record<string, string>; body: string } {
  const requestId = randomUUID();
  log.info({ reqId: requestId, route: '', status: problem.kind.status, ip: socket.remoteAddress }, 'request');
  const body = JSON.stringify(problemBody(problem, requestId));
  const headers = {
    ...SECURITY_HEADERS,
    ...problem.headers,
    'x-request-id': requestId,
    'content-type': PROBLEM_MEDIA_TYPE,
    'content-length': String(Buffer.byteLength(body)),
    date: new Date().toUTCString(),
    connection: 'close',
  };
  return { status: problem.kind.status, headers, body };
}
