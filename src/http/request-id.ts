import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/**
 * The `X-Request-Id` of the request, in lower case, so that all services log it under one id; a new
 * UUID if it has none or no UUID.
 */
export function requestId({ headers }: IncomingMessage): string {
  const received = headers['x-request-id'];
  return typeof received === 'string' && UUID.test(received) ? received.toLowerCase() : randomUUID();
}
