import type { FastifyHttpOptions } from 'fastify';
import type { Server } from 'node:http';
import { hostname } from 'node:os';
import { serializeError } from './error-serializer.js';
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
    serializers: { err: (error: unknown) => serializeError(error) },
    hooks: { streamWrite: redacted },
    stream,
  } satisfies FastifyHttpOptions<Server>['logger'];
}

const SEVERITIES = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60, silent: Infinity } as const;

/** Writes lines in the log's form while there is no application, yet or any more. */
export function startupLog(level: string, stream: LogStream): (members: object, severity?: 'info' | 'warn') => void {
  const least = SEVERITIES[level as keyof typeof SEVERITIES];
  return (members, severity = 'warn') => {
    if (SEVERITIES[severity] < least) return;
    const head = {
      level: SEVERITIES[severity],
      time: new Date().toISOString(),
      pid: process.pid,
      hostname: hostname(),
    };
    stream.write(`${redacted(JSON.stringify({ ...head, context: 'Start', ...members }))}\n`);
  };
}
