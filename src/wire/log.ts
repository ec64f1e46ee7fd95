import type { FastifyHttpOptions } from 'fastify';
import type { Server } from 'node:http';
import { loggedError } from './error-log.js';
import { redacted } from './redaction.js';

/** Where the lines of the log go. */
export interface LogStream {
  write(line: string): void;
}

/** Fastify's `logger` option: JSON lines with the time in UTC, errors without what they carry along, and no secret. */
export function logOptions(level: string, stream: LogStream) {
  return {
    level,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    serializers: { err: (error: unknown) => loggedError(error) },
    hooks: { streamWrite: redacted },
    stream,
  } satisfies FastifyHttpOptions<Server>['logger'];
}
