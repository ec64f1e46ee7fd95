import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AccessLines } from './access-line.js';
import { isUnchangedRequestLogger } from './lazy-request-logger.js';
import type { LogStream } from './log-options.js';

/** What Fastify's type leaves out of its logger, which is pino's. */
interface RootLogger extends FastifyBaseLogger {
  isLevelEnabled(level: string): boolean;
  bindings(): object;
  setBindings(bindings: object): void;
}

/**
 * Logs one line at `info` per request, with the route's pattern and never the URL, so that no client input is logged.
 * The line is written to the stream directly. If an application has changed the logger of the request or of the
 * instance, it goes through that logger.
 */
export function registerAccessLog(fastify: FastifyInstance, stream: LogStream): void {
  const log = fastify.log as RootLogger;
  if (!log.isLevelEnabled('info')) return;
  const lines = new AccessLines();
  const hasBindings = watchBindings(log);
  fastify.addHook('onResponse', (request, reply, done) => {
    const isDirect = isUnchangedRequestLogger(request.log) && !hasBindings() && Number.isInteger(reply.statusCode);
    if (!isDirect) logRequest(request, reply);
    else if (log.isLevelEnabled('info')) writeLine(stream, lines, request, reply);
    done();
  });
}

/** @returns whether the logger has bindings now; to ask itself parses JSON */
function watchBindings(log: RootLogger): () => boolean {
  const plain = Object.getPrototypeOf(log) as RootLogger;
  let hasBindings = Object.keys(log.bindings()).length > 0;
  log.setBindings = function (this: RootLogger, bindings) {
    // A child has the methods of its parent.
    hasBindings ||= this === log;
    plain.setBindings.call(this, bindings);
  };
  return () => hasBindings;
}

function writeLine(stream: LogStream, lines: AccessLines, request: FastifyRequest, reply: FastifyReply): void {
  const { id, method, ip } = request;
  const route = request.routeOptions.url ?? '';
  const line = lines.lineOf({ id, method, route, status: reply.statusCode, milliseconds: reply.elapsedTime, ip });
  if (stream.writeSoon === undefined) stream.write(line);
  else stream.writeSoon(line);
}

/** For a response that no Fastify hook sees. */
export function logRequest(request: FastifyRequest, reply: FastifyReply): void {
  const { method, ip } = request;
  const route = request.routeOptions.url ?? '';
  const milliseconds = Math.round(reply.elapsedTime * 100) / 100;
  request.log.info({ method, route, status: reply.statusCode, milliseconds, ip }, 'request');
}

/** The same line for a response of which Fastify knows no request. */
export function logUnroutedRequest(
  log: FastifyBaseLogger,
  { reqId, status, ip }: { readonly reqId: string; readonly status: number; readonly ip: string | undefined },
): void {
  log.info({ reqId, route: '', status, ip }, 'request');
}
