import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { createDatabase } from '../support/app.js';
import { IS_EXHAUSTIVE } from '../support/exhaustive.js';
import { startNode } from '../support/processes.js';

/** With `FAULT_SECONDS` as many as once crashed the process, else as many as take a few seconds. */
const CONNECTIONS = IS_EXHAUSTIVE ? 20_000 : 240;
const CONCURRENT = 12;

/** Sends the bytes, and resolves with everything received until the connection closes. */
async function exchange(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.on('error', () => undefined).setEncoding('latin1');
  socket.on('data', (text: string) => (answer += text));
  socket.write(bytes, 'latin1');
  await once(socket, 'close');
  return answer;
}

const readiness = 'GET /health/ready HTTP/1.1\r\nHost: a\r\n\r\n';
const connectRequest = 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n';
/** A short body in too many chunks. */
const manyChunks = `POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\n \r\n'.repeat(1500)}`;

it(
  'pipelined requests followed by CONNECT, on many connections, affect neither the process nor other connections (FLT-18, FLT-23)',
  { timeout: 600_000 },
  async () => {
    const node = await startNode(await createDatabase());
    const { token } = await node.client.signIn();
    for (let done = 0; done < CONNECTIONS; done += CONCURRENT) {
      const answers = await Promise.all([
        node.client.me(token),
        ...Array.from({ length: CONCURRENT }, () => exchange(node.client.url, readiness.repeat(31) + connectRequest)),
      ]);
      const [me, ...others] = answers as [{ status: number }, ...string[]];
      expect(me.status).toBe(200);
      const statuses = others.map((text) =>
        [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status).join(' '),
      );
      expect(new Set(statuses)).toEqual(new Set([`${'200 '.repeat(31)}405`]));
    }
    const refused = await Promise.all(
      Array.from({ length: 2 * CONCURRENT }, () => exchange(node.client.url, manyChunks)),
    );
    expect(refused.filter((answer) => !answer.includes('Send the body in larger chunks.'))).toEqual([]);
    expect(node.process.exitCode).toBeNull();
    expect((await node.client.me(token)).status).toBe(200);
  },
);
