import { IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { bodyTooLarge } from '../problems/http-status.problems.js';
import type { Problem } from '../problems/problem.js';

/**
 * Most pieces of bodies that one connection may deliver in one turn of the event loop: a chunk may be of one
 * byte (RFC 9112 section 7.1).
 */
export const MAX_CHUNKS_PER_TURN = 512;

/** 413 for a body in more chunks. */
export function tooManyChunks(): Problem {
  return bodyTooLarge({ detail: 'Send the body in larger chunks.' });
}

interface ChunkCounter {
  /** Counts one piece; false from the first one over the limit on. */
  countChunk(): boolean;
}

const counters = new WeakMap<Socket, ChunkCounter>();

/**
 * Node's request with a limit on the pieces of a body that arrive at once; for
 * `http.createServer({ IncomingMessage })`. Node reads 64 KiB at a time and parses all of it, even if the connection is
 * closed meanwhile; pieces over the limit are discarded here.
 */
export class ChunkLimitedRequest extends IncomingMessage {
  #receivedBytes = 0;
  #limit: BodyLimit | undefined;

  /** Limits a body that is read as a stream; Fastify itself limits one that it reads. */
  limitBody(bytes: number, onExceeded: () => void): void {
    this.#limit = { bytes, onExceeded };
    this.#countBytes(0);
  }

  override push(piece: unknown, encoding?: BufferEncoding): boolean {
    // The end of the body (`null`) is discarded too, or the pieces before it would pass for a whole body.
    if (!(counters.get(this.socket)?.countChunk() ?? true)) return false;
    return this.#countBytes(piece instanceof Uint8Array ? piece.length : 0) && super.push(piece, encoding);
  }

  #countBytes(bytes: number): boolean {
    this.#receivedBytes += bytes;
    const limit = this.#limit;
    if (limit === undefined || this.#receivedBytes <= limit.bytes) return true;
    if (!limit.isExceeded) {
      limit.isExceeded = true;
      limit.onExceeded();
    }
    return false;
  }
}

interface BodyLimit {
  readonly bytes: number;
  readonly onExceeded: () => void;
  isExceeded?: boolean;
}

/** Limits the connections of a server; `onExceeded` ends a connection over the limit. */
export function limitBodyChunks(server: Server, onExceeded: (socket: Socket) => void): void {
  server.on('connection', (socket) => {
    counters.set(
      socket,
      chunkCounter(() => onExceeded(socket)),
    );
  });
}

/**
 * Reads the number of the event loop's turn only once per `MAX_CHUNKS_PER_TURN` pieces, so that
 * up to twice as many may pass.
 */
function chunkCounter(onExceeded: () => void): ChunkCounter {
  let count = 0;
  let turn = -1;
  let isOver = false;
  return {
    countChunk() {
      if (isOver || ++count <= MAX_CHUNKS_PER_TURN) return !isOver;
      const now = performance.nodeTiming.uvMetricsInfo.loopCount;
      isOver = turn === now;
      turn = now;
      count = 1;
      if (isOver) onExceeded();
      return !isOver;
    },
  };
}
