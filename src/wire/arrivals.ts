import type { FastifyInstance } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

/** So many requests of a connection are taken in one turn of the event loop; what is sent after them is not looked at. */
export const MOST_REQUESTS_AT_ONCE = 64;
/** And so many pieces of their bodies: the chunks of RFC 9112 section 7.1, which may be of one byte each. */
export const MOST_PIECES_AT_ONCE = 512;

const TOO_MANY_REQUESTS = 'ERR_TOO_MANY_REQUESTS_AT_ONCE';
export const TOO_MANY_PIECES = 'ERR_TOO_MANY_PIECES_AT_ONCE';

type Take = (this: Parser, ...what: readonly unknown[]) => unknown;

/** Node's: it calls what stands under its numbers, and skips what has none there. It serves other connections later. */
interface Parser {
  onIncoming: (request: IncomingMessage, keepsAlive: boolean) => unknown;
  [number: number]: Take | undefined;
  readonly constructor: {
    readonly kOnHeadersComplete: number;
    readonly kOnBody: number;
    readonly kOnMessageComplete: number;
  };
}

/**
 * Bounds how long one client holds the event loop: Node reads what has arrived 64 KiB at a time, and calls for each request and
 * for each piece of a body in it. Who sends more at once is told as `clientErrorHandler` does it, and nothing more of what it
 * sent is acted upon.
 */
export function boundArrivals({ server }: FastifyInstance): void {
  server.on('connection', (socket: Socket) => {
    const parser = Reflect.get(socket, 'parser') as Parser;
    const { kOnHeadersComplete, kOnBody, kOnMessageComplete } = parser.constructor;
    const taking = [kOnHeadersComplete, kOnBody, kOnMessageComplete].map((number) => [number, parser[number]] as const);
    const end = (code: string): number => {
      for (const [number] of taking) parser[number] = undefined;
      server.emit('clientError', Object.assign(new Error('more than is taken at once'), { code }), socket);
      return 0;
    };
    socket.once('close', () => {
      for (const [number, take] of taking) parser[number] = take;
    });

    const { onIncoming, [kOnBody]: onBody } = parser;
    const isRequestTooMany = bound(MOST_REQUESTS_AT_ONCE);
    const isPieceTooMany = bound(MOST_PIECES_AT_ONCE);
    parser.onIncoming = (request, keepsAlive) =>
      isRequestTooMany() ? end(TOO_MANY_REQUESTS) : onIncoming(request, keepsAlive);
    parser[kOnBody] = (piece) => (isPieceTooMany() ? end(TOO_MANY_PIECES) : onBody?.call(parser, piece));
  });
}

/** Says when it was too many for a turn: after `most` to twice as many, for it asks which turn it is once in so many. */
function bound(most: number): () => boolean {
  let count = 0;
  let turn = -1;
  return () => {
    if (++count <= most) return false;
    const now = performance.nodeTiming.uvMetricsInfo.loopCount;
    if (turn === now) return true;
    turn = now;
    count = 1;
    return false;
  };
}
