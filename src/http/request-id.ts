import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** The `X-Request-Id` that came, in lower case, so that a request has one name in the logs of all it passes; of anything but a UUID another is made. */
export function requestId({ headers }: IncomingMessage): string {
  const received = headers['x-request-id'];
  return typeof received === 'string' && UUID.test(received) ? received.toLowerCase() : randomUUID();
}
