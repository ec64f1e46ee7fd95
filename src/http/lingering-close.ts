import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/** How long a client whose connection ends may send nothing before the connection is closed. */
export const LINGER_IDLE_MS = 500;
/** How long it may go on sending. */
export const LINGER_MAX_MS = 5000;

const lingering = new WeakSet<Socket>();

/**
 * Ends the sending side of a connection, and discards what the client still sends until it closes its side, or for a
 * while. A connection that is closed at once is reset by what arrives later, and a client that sends its whole request
 * before it reads then loses its response (RFC 9112 section 9.6). Nothing is parsed any more: Node would take each
 * chunk apart, which may be of one byte.
 */
export function closeAfterLinger(socket: Socket): void {
  if (socket.destroyed || lingering.has(socket)) return;
  lingering.add(socket);
  // Node's parser reads the connection itself until there is a listener, and then by its own, which goes first.
  socket.removeAllListeners('data');
  socket.on('data', () => undefined);
  socket.end();
  // Before, the client may be reading a long response; those that do not read are disconnected elsewhere.
  if (socket.writableFinished) discardInput(socket);
  else socket.once('finish', () => discardInput(socket));
  // The parser, if this is called while it runs, pauses the connection for a body that nobody reads.
  setImmediate(() => socket.resume());
}

function discardInput(socket: Socket): void {
  const close = (): void => void socket.destroy();
  const idle = setTimeout(close, LINGER_IDLE_MS);
  const longest = setTimeout(close, LINGER_MAX_MS);
  socket.on('data', () => idle.refresh());
  socket.once('close', () => {
    clearTimeout(idle);
    clearTimeout(longest);
  });
}

/**
 * Has Node, where it closes the connection with this response before the request has arrived whole, close it by
 * {@link closeAfterLinger}. It does so by `socket.destroySoon()`, while the response is `finish`ed.
 */
export function lingerIfIncomplete(response: ServerResponse): void {
  const {
    req,
    req: { socket },
  } = response;
  const close = (): void => {
    if (req.complete) Socket.prototype.destroySoon.call(socket);
    else closeAfterLinger(socket);
  };
  socket.destroySoon = close;
  response.once('close', () => {
    // The response to the next request of the connection may have begun.
    if (socket.destroySoon === close) Reflect.deleteProperty(socket, 'destroySoon');
  });
}
