import type { FastifyHttpOptions } from 'fastify';
import type { Server } from 'node:http';
import { serializeError } from './error-serializer.js';
import { safeLogArguments } from './log-arguments.js';
import { redactLine } from './redaction.js';
import { utcTimeText } from './utc-time-text.js';

type LogOptions = Exclude<FastifyHttpOptions<Server>['logger'], boolean | undefined>;

/** The destination of log lines. */
export interface LogStream {
  write(line: string): void;
  /** Writes the line a little later, with others; before any line that is written after it. */
  writeSoon?(line: string): void;
}

/**
 * Fastify's `logger` option: JSON lines with the time in UTC, errors reduced by
 * {@link serializeError}, secrets removed.
 */
export function logOptions(level: string, stream: LogStream): LogOptions {
  return {
    level,
    timestamp: () => `,"time":"${utcTimeText()}"`,
    serializers: { err: (error: unknown) => serializeError(error) },
    hooks: {
      streamWrite: redactLine,
      logMethod(given, method) {
        method.apply(this, safeLogArguments(given));
      },
    },
    stream,
  };
}
