import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { validateHeaderName, validateHeaderValue, type OutgoingHttpHeaders } from 'node:http';
import { PROBLEM_MEDIA_TYPE, problemBody } from './problem-body.js';
import { errorToProblem, type Translate } from './error-to-problem.js';

/** The one way from an error to an answer: handlers, hooks, validation, parser and router alike. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly translate: Translate) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    replaceResponseWithProblem(
      error,
      this.translate,
      http.getRequest<FastifyRequest>(),
      http.getResponse<FastifyReply>(),
    );
  }
}

/** What a header says of the body of the answer (RFC 9110 section 8, RFC 6266, RFC 9530), or of how that is sent. */
const OF_THE_BODY = new Set([
  'accept-ranges',
  'content-digest',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-range',
  'content-type',
  'digest',
  'etag',
  'expires',
  'last-modified',
  'repr-digest',
  'trailer',
  'transfer-encoding',
]);

/** Answers with a problem after a handler may have begun an answer of its own, of which nothing is left that would not suit a problem. */
export function replaceResponseWithProblem(
  error: unknown,
  translate: Translate,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  if (!reply.raw.headersSent) discardResponse(reply);
  sendProblem(error, translate, request, reply);
}

function discardResponse(reply: FastifyReply): void {
  reply.raw.statusMessage = '';
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (OF_THE_BODY.has(name) || !isSendable(name, value)) reply.removeHeader(name);
  }
}

function isSendable(name: string, value: unknown): boolean {
  try {
    validateHeaderName(name);
    for (const part of [value].flat()) validateHeaderValue(name, part as string);
    return true;
  } catch {
    return false;
  }
}

/** Answers a request with a problem, and logs what only we may know. */
export function sendProblem(error: unknown, translate: Translate, request: FastifyRequest, reply: FastifyReply): void {
  const problem = errorToProblem(error, translate);
  const { code, status } = problem.kind;
  if (status >= 500 && !problem.isAlreadyLogged) request.log.error({ err: problem.cause ?? problem, code });
  if (problem.securityEvent) request.log.warn({ ...problem.securityEvent, ip: request.ip }, 'security');
  if (reply.sent) return;
  const body = problemBody(problem, request.id);
  void reply
    .code(status)
    .headers(problem.headers)
    .header('content-type', PROBLEM_MEDIA_TYPE)
    .header('cache-control', 'no-store');
  if (status >= 500) sendWithoutHooks(JSON.stringify(body), reply);
  else void reply.serializer(JSON.stringify).send(body);
}

/** A plugin's hook may be what has failed, and Fastify would then answer with the message of its error. */
function sendWithoutHooks(body: string, reply: FastifyReply): void {
  const { raw } = reply;
  reply.hijack();
  if (raw.headersSent) {
    raw.destroy();
    return;
  }
  reply.header('content-length', Buffer.byteLength(body));
  raw.writeHead(raw.statusCode, reply.getHeaders() as OutgoingHttpHeaders).end(body);
}
