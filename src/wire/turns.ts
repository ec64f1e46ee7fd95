import type { FastifyReply } from 'fastify';
import type { Socket } from 'node:net';

/** So many requests of one connection may wait for the answers before them; a client that sends more is cut off. */
export const MOST_WAITING_REQUESTS = 32;

const waiting = new WeakMap<Socket, number>();

/** Whether every request before this one on its connection has been answered and taken, and the connection goes on. */
export function hasTurn({ raw }: FastifyReply): boolean {
  // Node gives a response the connection when it is the next to be sent.
  return raw.socket !== null && raw.socket.writable;
}

/**
 * Looks at a pipelined request when its turn has come; never, if an answer before it ends the connection (RFC 9112 section
 * 9.6). So no request is acted upon whose answer nobody will see, and a client that does not read has one answer made for it.
 */
export function inTurn({ raw }: FastifyReply, look: () => void): void {
  const { socket } = raw.req;
  const before = waiting.get(socket) ?? 0;
  if (before === MOST_WAITING_REQUESTS) socket.destroy();
  if (!socket.writable) return;
  waiting.set(socket, before + 1);
  raw.once('socket', () => {
    waiting.set(socket, (waiting.get(socket) ?? 1) - 1);
    look();
  });
}
