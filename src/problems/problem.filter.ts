import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PROBLEM_MEDIA_TYPE, problemBody } from './problem-body.js';
import { toProblem, type Translate } from './to-problem.js';

/** The one way from an error to the wire: handlers, hooks, validation, parser and router alike. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly translate: Translate) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    sendProblem(error, this.translate, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }
}

/** Answers a request with a problem, and logs what only we may know. */
export function sendProblem(error: unknown, translate: Translate, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(error, translate);
  const { code, status } = problem.kind;
  if (status >= 500 && !problem.isTold) request.log.error({ err: problem.cause ?? problem, code });
  if (problem.securityEvent) request.log.warn({ ...problem.securityEvent, ip: request.ip }, 'security');
  if (reply.sent) return;
  void reply
    .code(status)
    .headers(problem.headers)
    .header('content-type', PROBLEM_MEDIA_TYPE)
    .header('cache-control', 'no-store')
    .serializer(JSON.stringify)
    .send(problemBody(problem, request.id));
}
