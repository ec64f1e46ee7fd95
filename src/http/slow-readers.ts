import type { FastifyInstance } from 'fastify';
import type { Socket } from 'node:net';

/** How fast answers must be read. */
export interface ReadPace {
  /** What is waiting to be sent is let wait for so long… */
  readonly graceMs: number;
  /** …and for as long as it takes at this pace. */
  readonly bytesPerSecond: number;
  /** How often it is looked at. */
  readonly checkMs: number;
}

/** What a client has not taken yet. */
interface Backlog {
  readonly since: number;
  /** All that had been taken before, in bytes. */
  readonly taken: number;
}

/** Cuts off clients that do not read what they asked for; what a handler takes its time for is not theirs to read yet. */
export function disconnectSlowReaders({ server, log }: FastifyInstance, pace: ReadPace): void {
  const backlogs = new Map<Socket, Backlog | undefined>();
  server.on('connection', (socket) => {
    backlogs.set(socket, undefined);
    socket.once('close', () => backlogs.delete(socket));
  });
  const look = (): void => {
    const now = performance.now();
    for (const [socket, backlog] of backlogs) {
      if (socket.writableLength === 0) backlogs.set(socket, undefined);
      else if (backlog === undefined) backlogs.set(socket, { since: now, taken: takenBy(socket) });
      else if (now - backlog.since > allowedMs(socket, backlog, pace)) {
        log.info({ ip: socket.remoteAddress }, 'slow reader');
        // Closing would leave what it does not take to the kernel.
        socket.resetAndDestroy();
      }
    }
  };
  server.on('listening', () => {
    const timer = setInterval(look, pace.checkMs).unref();
    server.once('close', () => clearInterval(timer));
  });
}

function takenBy(socket: Socket): number {
  return socket.bytesWritten - socket.writableLength;
}

/** For all it was given since, of which one large piece is seen to be taken only as a whole. */
function allowedMs(socket: Socket, { taken }: Backlog, { graceMs, bytesPerSecond }: ReadPace): number {
  return graceMs + ((socket.bytesWritten - taken) / bytesPerSecond) * 1000;
}
