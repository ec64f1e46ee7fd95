import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Reads the address of each connection when it arrives, and keeps it as `remoteAddress` of the socket. Node reads it at
 * its first use, which fails once the client has reset the connection or the socket is closed. A request that was sent
 * before is processed even so, and would escape the limits of its address and the audit trail.
 *
 * A connection that was reset before it arrived has no address, and is closed before its requests are read.
 */
export function keepConnectionAddresses(server: Server): Server {
  return server.prependListener('connection', keepAddress);
}

function keepAddress(this: Server, socket: Socket): void {
  const { remoteAddress } = socket;
  if (remoteAddress !== undefined) Object.defineProperty(socket, 'remoteAddress', { value: remoteAddress });
  else if (!isUnixSocket(this)) socket.destroy();
}

/** The clients of a Unix socket have no address. */
function isUnixSocket(server: Server): boolean {
  return typeof server.address() === 'string';
}
