import { IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

/** So many pieces of bodies are taken of a connection in one turn of the event loop: chunks (RFC 9112 section 7.1) may be of one byte. */
export const MAX_CHUNKS_PER_TURN = 512;

/** Counts the pieces of one connection. */
interface PieceBound {
  /** False from the first piece too many on. */
  admits(): boolean;
}

const bounds = new WeakMap<Socket, PieceBound>();

/**
 * Node's request with a bound on the pieces of a body that arrive at once; for `http.createServer({ IncomingMessage })`. Node reads
 * 64 KiB at a time and parses all of it, whatever becomes of the connection meanwhile; what is over the bound is discarded here.
 */
export class ChunkLimitedRequest extends IncomingMessage {
  override push(piece: unknown, encoding?: BufferEncoding): boolean {
    // The end of the body is discarded as well, or what came before the bound would be taken for all of it.
    return (bounds.get(this.socket)?.admits() ?? true) && super.push(piece, encoding);
  }
}

/** Has the connections of a server bounded; `refuse` ends the one that sent too much. */
export function limitBodyChunks(server: Server, refuse: (socket: Socket) => void): void {
  server.on('connection', (socket) => {
    bounds.set(
      socket,
      pieceBound(() => refuse(socket)),
    );
  });
}

/** Tells the turn of the event loop once in so many pieces, so that `most` to twice as many are taken. */
function pieceBound(refuse: () => void): PieceBound {
  let count = 0;
  let turn = -1;
  let isOver = false;
  return {
    admits() {
      if (isOver || ++count <= MAX_CHUNKS_PER_TURN) return !isOver;
      const now = performance.nodeTiming.uvMetricsInfo.loopCount;
      isOver = turn === now;
      turn = now;
      count = 1;
      if (isOver) refuse();
      return !isOver;
    },
  };
}
