import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/**
 * Logs one line at `info` per request, with the route's pattern and never the URL, so that no client input is logged.
 */
export function registerAccessLog(fastify: FastifyInstance): void {
  if (!logsRequests(fastify.log)) return;
  fastify.addHook('onResponse', (request, reply, done) => {
    logRequest(request, reply);
    done();
  });
}

function logsRequests(log: FastifyBaseLogger): boolean {
  return !('isLevelEnabled' in log) || (log as { isLevelEnabled(level: string): boolean }).isLevelEnabled('info');
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
