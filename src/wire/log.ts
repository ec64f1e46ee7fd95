import type { FastifyHttpOptions } from 'fastify';
import type { Server } from 'node:http';
import { hostname } from 'node:os';
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

const WARN = 40;
const LEVELS_ABOVE_WARN = new Set(['error', 'fatal', 'silent']);

/** Writes warnings in the log's form while there is no application yet. */
export function startLog(level: string, stream: LogStream): (members: object) => void {
  if (LEVELS_ABOVE_WARN.has(level)) return () => undefined;
  return (members) => {
    const head = { level: WARN, time: new Date().toISOString(), pid: process.pid, hostname: hostname() };
    stream.write(`${redacted(JSON.stringify({ ...head, context: 'Start', ...members }))}\n`);
  };
}
