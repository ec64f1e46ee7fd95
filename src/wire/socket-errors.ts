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
} from '../problems/framework.problems.js';
import { PROBLEM_MEDIA_TYPE, problemBody } from '../problems/problem-body.js';
import type { Problem } from '../problems/problem.js';
import { TOO_MANY_PIECES } from './arrivals.js';
import { MAX_TARGET_LENGTH } from './screening.js';
import { expectationFailed } from './wire.problems.js';

/** What Node says of a request that it could not parse or did not receive in time. */
interface ClientError extends Error {
  readonly code?: string;
  /** A Buffer; Fastify's types describe its JSON form. */
  readonly rawPacket?: unknown;
}

/** What an answer needs where Fastify has no reply. */
interface Desk {
  /** Those of every answer. */
  readonly headers: Readonly<Record<string, string>>;
  readonly log: FastifyBaseLogger;
}

/** Parsing goes wrong again with whatever arrives afterwards. */
const failed = new WeakSet<Socket>();

/**
 * What Fastify's `clientErrorHandler` does: what never became a request is answered as a problem too, then cut off. In its turn:
 * the requests before it get their own answers first.
 */
export function answerClientError(error: ClientError, socket: Socket, desk: Desk): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || failed.has(socket)) return;
  failed.add(socket);
  const unfinished = receivedBy(socket);
  whenAnswered(socket, unfinished, (isAnswered) => {
    if (isAnswered) socket.destroySoon();
    else answerAndClose(problemOf(error), socket, desk);
  });
}

/** Takes what Node would answer without a body, or not at all: CONNECT, and expectations other than 100-continue. */
export function useSocketErrors({ server, log }: FastifyInstance, headers: Desk['headers']): void {
  const desk = { headers, log };
  server.on('connect', (_request: IncomingMessage, socket: Socket) => {
    socket.on('error', () => socket.destroy());
    whenAnswered(socket, undefined, () => answerAndClose(methodNotAllowed({ headers: { allow: '' } }), socket, desk));
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const { status, headers: fields, body } = messageOf(expectationFailed(), request.socket, desk);
    response.writeHead(status, fields).end(body);
  });
}

/** The answer whose turn it is, as Node keeps it on the socket. */
function answeredBy(socket: Socket): ServerResponse | undefined {
  return (Reflect.get(socket, '_httpMessage') as ServerResponse | null | undefined) ?? undefined;
}

/** The request in whose body the parser is, as Node keeps it on the parser. */
function receivedBy(socket: Socket): IncomingMessage | undefined {
  const parser = Reflect.get(socket, 'parser') as { incoming?: IncomingMessage | null } | null | undefined;
  const incoming = parser?.incoming ?? undefined;
  return incoming?.complete === false ? incoming : undefined;
}

/** Waits for the answers that come first; says whether the unfinished request itself has been answered, at least in part. */
function whenAnswered(
  socket: Socket,
  unfinished: IncomingMessage | undefined,
  then: (isAnswered: boolean) => void,
): void {
  const answer = answeredBy(socket);
  if (answer === undefined) then(unfinished !== undefined);
  else if (answer.req === unfinished) then(answer.headersSent);
  else answer.once('finish', () => whenAnswered(socket, unfinished, then));
}

function problemOf({ code, rawPacket }: ClientError): Problem {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return requestTimeout();
  if (code === TOO_MANY_PIECES) return bodyTooLarge({ detail: 'Send the body in larger chunks.' });
  if (code !== 'HPE_HEADER_OVERFLOW') return requestMalformed();
  return isRequestLineTooLong(rawPacket) ? uriTooLong() : headersTooLarge();
}

/** Node counts the request line as a header. Seen only when the section began in the packet that overflowed. */
function isRequestLineTooLong(packet: unknown): boolean {
  if (!Buffer.isBuffer(packet) || !/^[A-Z]+ \//.test(packet.toString('latin1', 0, 16))) return false;
  const end = packet.indexOf('\n');
  return end === -1 || end > MAX_TARGET_LENGTH;
}

function answerAndClose(problem: Problem, socket: Socket, desk: Desk): void {
  // The answer before may have ended the connection.
  if (!socket.writable) {
    socket.destroySoon();
    return;
  }
  const { status, headers, body } = messageOf(problem, socket, desk);
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${fields.join('')}\r\n${body}`, () => socket.destroy());
}

/** Logged like a request, as far as it is known. */
function messageOf(
  problem: Problem,
  socket: Socket,
  { headers: fixed, log }: Desk,
): { status: number; headers: Record<string, string>; body: string } {
  const requestId = randomUUID();
  log.info({ reqId: requestId, route: '', status: problem.kind.status, ip: socket.remoteAddress }, 'request');
  const body = JSON.stringify(problemBody(problem, requestId));
  const headers = {
    ...fixed,
    ...problem.headers,
    'x-request-id': requestId,
    'content-type': PROBLEM_MEDIA_TYPE,
    'content-length': String(Buffer.byteLength(body)),
    date: new Date().toUTCString(),
    connection: 'close',
  };
  return { status: problem.kind.status, headers, body };
}
