import type { FastifyHttpOptions } from 'fastify';
import type { Server } from 'node:http';
import { serializeError } from './error-serializer.js';
import { redactLine } from './redaction.js';

/** The destination of log lines. */
export interface LogStream {
  write(line: string): void;
}

/**
 * Fastify's `logger` option: JSON lines with the time in UTC, errors reduced by
 * {@link serializeError}, secrets removed.
 */
export function logOptions(level: string, stream: LogStream) {
  return {
    level,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    serializers: { err: (error: unknown) => serializeError(error) },
    hooks: { streamWrite: redactLine },
    stream,
  } satisfies FastifyHttpOptions<Server>['logger'];
}
