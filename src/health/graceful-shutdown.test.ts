import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import type { Config } from '../config/config.js';
import { ShutdownAnnouncement } from '../config/shutdown-announcement.js';
import { GracefulShutdown } from './graceful-shutdown.js';

it('a connection accepted at the very end of the shutdown is not closed before its request is read', async () => {
  const server = createServer((_, response) => response.end('answered')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const shutdown = new GracefulShutdown({ shutdownTimeoutSeconds: 20 } as Config, new ShutdownAnnouncement());
  shutdown.watchConnections(server);
  await shutdown.drainServer(server, new AbortController().signal);
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(server, 'connection');
  await pause(50);
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  expect(String(await once(socket, 'data'))).toContain('answered');
  await once(socket, 'close');
});
