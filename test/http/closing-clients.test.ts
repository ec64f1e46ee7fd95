import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.js';
import { startApp, type TestApp } from '../support/app.js';

/** How a client closes its connection right after it sent a request: with FIN or with RST. */
type Closing = 'destroy' | 'resetAndDestroy';

/** With and without a trusted proxy: settings, and the address that counts. */
const DIRECT = [{}, '127.0.0.1'] as const;
const PROXIED = [{ trustedProxies: ['127.0.0.1'] }, '203.0.113.50'] as const;
const CASES: [string, Closing, Partial<Config>, string][] = [
  ['directly and closes with FIN', 'destroy', ...DIRECT],
  ['directly and closes with RST', 'resetAndDestroy', ...DIRECT],
  ['by a trusted proxy that closes with FIN', 'destroy', ...PROXIED],
  ['by a trusted proxy that closes with RST', 'resetAndDestroy', ...PROXIED],
];

interface Message {
  readonly path: string;
  readonly token?: string;
}

/** Sends a request and closes the connection before the server can have read any of it. */
async function sendAndClose(app: TestApp, { path, token }: Message, closing: Closing): Promise<void> {
  const server: Server = app.nest.getHttpServer();
  const client = connect(Number(new URL(app.url).port), '127.0.0.1');
  await Promise.all([once(client, 'connect'), once(server, 'connection')]);
  const fields = ['Host: x', 'X-Forwarded-For: 203.0.113.50', 'Content-Length: 0'];
  if (token !== undefined) fields.push(`Authorization: Bearer ${token}`);
  client.write([`POST ${path} HTTP/1.1`, ...fields, '', ''].join('\r\n'));
  const requested = once(server, 'request');
  client[closing]();
  await requested;
}

/** The addresses in the audit trail and in the log of an event, once it is there. */
async function addressesOf(app: TestApp, event: string): Promise<unknown[]> {
  const logged = () => app.log().filter((line) => line['event'] === event);
  await expect.poll(() => logged().length).toBe(1);
  const rows = await app.query<{ address: string | null }>('SELECT address FROM audit_events WHERE event = $1', [
    event,
  ]);
  return [...rows.map(({ address }) => address), ...logged().map(({ ip }) => ip)];
}

describe.each(CASES)('a client that comes %s right after sending', (_case, closing, changes, address) => {
  it('is counted under its address', async () => {
    const app = await startApp({ changes: { ...changes, rateLimits: 'on', addressRequestsPerMinute: 2 } });
    // Refused without a query, so that nothing is in progress when the test ends.
    for (let turn = 0; turn < 2; turn++) await sendAndClose(app, { path: '/v1/auth/logout' }, closing);
    const other = await app.call('GET', '/v1/auth/me', { headers: { 'x-forwarded-for': '203.0.113.50' } });
    expect(other.status).toBe(429);
  });

  it('has its address in audit trail and log', async () => {
    const app = await startApp({ changes });
    const { token } = await app.signIn();
    await sendAndClose(app, { path: '/v1/auth/logout', token }, closing);
    expect(await addressesOf(app, 'session_ended')).toEqual([address, address]);
  });
});
