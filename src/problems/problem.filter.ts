import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { validateHeaderName, validateHeaderValue, type OutgoingHttpHeaders } from 'node:http';
import { memberOf } from '../config/thrown-text.js';
import { BEARER_CHALLENGE } from './bearer-challenge.js';
import { internalError, requestMalformed } from './http-status.problems.js';
import { PROBLEM_MEDIA_TYPE, problemBody } from './problem-body.js';
import { errorToProblem, type TranslateError } from './error-to-problem.js';
import type { Problem, SecurityEvent } from './problem.js';

/** Looks for the cause of an error that would be 500; undefined at once, or in the end, where there is none to be told. */
export type ExplainError = (error: unknown, request: FastifyRequest) => Promise<Problem | undefined> | undefined;

/**
 * Turns every error into a response, whether it comes from a handler, a hook, the validation, the parser or the router.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly translate: TranslateError,
    private readonly explain: ExplainError = () => undefined,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const [request, reply] = [http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>()];
    const send = (cause: unknown): void => replaceResponseWithProblem(cause, this.translate, request, reply);
    const isUnknown = errorToProblem(error, this.translate).kind.code === internalError.kind.code;
    const explanation = isUnknown ? this.explain(error, request) : undefined;
    if (explanation === undefined) send(error);
    else void sendExplanation(explanation, error, send);
  }
}

/** Sends the error where there is no explanation, and else that or why it could not be looked for. */
async function sendExplanation(
  explanation: Promise<Problem | undefined>,
  error: unknown,
  send: (cause: unknown) => void,
): Promise<void> {
  let cause: unknown;
  try {
    cause = await explanation;
  } catch (failure) {
    cause = failure;
  }
  send(cause ?? error);
}

/** Headers that describe the body (RFC 9110 section 8, RFC 6266, RFC 9530) or its transfer. */
const BODY_HEADERS = new Set([
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

/**
 * Sends a problem instead of a response that a handler may have prepared: removes the status message and
 * the headers that do not fit.
 */
export function replaceResponseWithProblem(
  error: unknown,
  translate: TranslateError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  if (!reply.raw.headersSent) discardResponse(reply);
  sendProblem(error, translate, request, reply);
}

function discardResponse(reply: FastifyReply): void {
  reply.raw.statusMessage = '';
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (BODY_HEADERS.has(name) || !isSendable(name, value)) reply.removeHeader(name);
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

/** Sends the problem of an error, and logs its cause from 500 up and its security event. */
export function sendProblem(
  error: unknown,
  translate: TranslateError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const problem = hasClientLeft(error, request) ? requestMalformed({ cause: error }) : errorToProblem(error, translate);
  const { code, status } = problem.kind;
  if (status >= 500 && !problem.isAlreadyLogged) request.log.error({ err: problem.cause ?? problem, code });
  if (problem.securityEvent) request.log.warn(securityLine(problem.securityEvent, request), 'security');
  if (reply.sent) return;
  const body = problemBody(problem, request.id);
  void reply
    .code(status)
    .headers(problem.headers)
    .header('content-type', PROBLEM_MEDIA_TYPE)
    .header('cache-control', 'no-store');
  addRequiredHeaders(status, request, reply);
  if (status >= 500 || reply.raw.headersSent) sendWithoutHooks(JSON.stringify(body), reply);
  else void reply.serializer(JSON.stringify).send(body);
}

/** The logger of the request has its id: the line does not name another. */
function securityLine(event: SecurityEvent, { ip }: FastifyRequest): object {
  return { ...event, ip, reqId: undefined, msg: undefined };
}

/**
 * Whether a handler that reads the body itself met the end of its connection. It is no failure of ours, although
 * the error has the code of a broken database connection.
 */
function hasClientLeft(error: unknown, { raw }: FastifyRequest): boolean {
  return memberOf(error, 'code') === 'ECONNRESET' && raw.destroyed && !raw.complete;
}

/** Headers that a status needs, where neither the problem nor the handler has set them. */
function addRequiredHeaders(status: number, request: FastifyRequest, reply: FastifyReply): void {
  const add = (name: string, value: string): void => {
    if (!reply.hasHeader(name)) reply.header(name, value);
  };
  if (status === 401) add('www-authenticate', BEARER_CHALLENGE);
  else if (status === 405) add('allow', otherMethods(request));
  else if (status === 429 || status === 503) add('retry-after', '1');
}

/** The methods of a route's path, without that of the request. */
function otherMethods({ method, server, routeOptions: { url = '' } }: FastifyRequest): string {
  const isOther = (other: string): boolean => other !== method && !(other === 'HEAD' && method === 'GET');
  const methods = server.supportedMethods.filter((other) => isOther(other) && server.hasRoute({ url, method: other }));
  return methods.toSorted().join(', ');
}

/**
 * Skips Fastify's hooks: if a plugin's hook is what failed, Fastify would send the message of its error. Ends the connection
 * where another answer has begun, past Fastify.
 */
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
