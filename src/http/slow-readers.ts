import type { FastifyInstance } from 'fastify';
import type { Socket } from 'node:net';

/**
 * How fast a client must read its responses: within {@link graceMs}, plus the time that the data
 * takes at {@link bytesPerSecond}.
 */
export interface ReadPace {
  readonly graceMs: number;
  readonly bytesPerSecond: number;
  /** Interval of the check. */
  readonly checkMs: number;
}

export const READ_PACE: ReadPace = { graceMs: 10_000, bytesPerSecond: 8192, checkMs: 1000 };

/** Data of a connection that the client has not read yet. */
interface Backlog {
  readonly since: number;
  /** Bytes that the client had read when the backlog began. */
  readonly bytesRead: number;
}

/**
 * Resets connections whose clients read too slowly. The time that a handler takes does not count:
 * nothing is waiting to be read then.
 */
export function disconnectSlowReaders({ server, log }: FastifyInstance, pace: ReadPace): void {
  const backlogs = new Map<Socket, Backlog | undefined>();
  server.on('connection', (socket) => {
    backlogs.set(socket, undefined);
    socket.once('close', () => backlogs.delete(socket));
  });
  const checkBacklogs = (): void => {
    const now = performance.now();
    for (const [socket, backlog] of backlogs) {
      if (socket.writableLength === 0) backlogs.set(socket, undefined);
      else if (backlog === undefined) backlogs.set(socket, { since: now, bytesRead: bytesReadBy(socket) });
      else if (now - backlog.since > allowedMs(socket, backlog, pace)) {
        log.info({ ip: socket.remoteAddress }, 'slow reader');
        // After a close the kernel would keep the unread data.
        socket.resetAndDestroy();
      }
    }
  };
  server.on('listening', () => {
    const timer = setInterval(checkBacklogs, pace.checkMs).unref();
    server.once('close', () => clearInterval(timer));
  });
}

function bytesReadBy(socket: Socket): number {
  return socket.bytesWritten - socket.writableLength;
}

/** Counts all bytes written since the backlog began: Node reports a large write as read only when all of it is. */
function allowedMs(socket: Socket, { bytesRead }: Backlog, { graceMs, bytesPerSecond }: ReadPace): number {
  return graceMs + ((socket.bytesWritten - bytesRead) / bytesPerSecond) * 1000;
}
