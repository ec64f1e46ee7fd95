import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { afterAllTests, createDatabase, PASSWORD, startApp, type Answer, type TestApp } from '../support/app.js';

const PROXY = { trustedProxies: ['127.0.0.1'] };
const onFinished = afterAllTests();
let databaseUrl: string;
beforeAll(async () => {
  databaseUrl = await createDatabase(onFinished);
});

/** Different spellings of one address. */
const spellings = (turn: number): string[] => [
  `203.0.113.50:${40_000 + turn}`,
  `"203.0.113.50"`,
  `10.0.0.${turn}, [::ffff:203.0.113.50]:${turn}`,
  `::ffff:203.0.113.50`,
];

function register(app: TestApp, forwardedFor: string): Promise<Answer> {
  const json = { email: `${randomUUID()}@example.com`, password: PASSWORD };
  return app.call('POST', '/v1/auth/register', { json, headers: { 'x-forwarded-for': forwardedFor } });
}

describe('a client behind a proxy', () => {
  it('has one limit, whatever port the proxy writes beside its address (BRU-10)', async () => {
    const app = await startApp({ changes: { ...PROXY, rateLimits: 'on' } });
    const statuses: number[] = [];
    for (let turn = 0; turn < 22; turn++) {
      statuses.push((await register(app, spellings(turn)[turn % 4] ?? '')).status);
    }
    expect(statuses).toEqual([...Array<number>(20).fill(201), 429, 429]);
    expect((await register(app, '203.0.113.51:40000')).status).toBe(201);
  });

  it('cannot choose its limit by sending a malformed address (BRU-10)', async () => {
    const app = await startApp({ changes: { ...PROXY, rateLimits: 'on' } });
    const statuses: number[] = [];
    for (let turn = 0; turn < 22; turn++) {
      const garbage = [`unknown-${turn}`, `_hidden${turn}`, `203.0.113.${turn}, nobody`, `[203.0.113.${turn}`][
        turn % 4
      ];
      statuses.push((await register(app, garbage ?? '')).status);
    }
    expect(statuses).toEqual([...Array<number>(20).fill(201), 429, 429]);
  });

  it('appears with its address in audit trail, session list and log (BRU-10)', async () => {
    const app = await startApp({ changes: PROXY });
    const json = { email: `${randomUUID()}@example.com`, password: PASSWORD };
    const headers = { 'x-forwarded-for': '"[2001:DB8::1]:443"' };
    await app.call('POST', '/v1/auth/register', { json, headers });
    const { body } = await app.call('POST', '/v1/auth/login', {
      json,
      headers: { 'x-forwarded-for': '203.0.113.50:40001' },
    });
    const token = String(body['access_token']);
    const sessions = (await app.call('GET', '/v1/auth/sessions', { token })).body['items'];
    expect(sessions).toMatchObject([{ network: '203.0.113.0/24' }]);
    const rows = await app.query<{ address: string }>(
      'SELECT address FROM audit_events WHERE address IS NOT NULL ORDER BY id',
    );
    expect(rows.map(({ address }) => address)).toEqual(['2001:db8::1', '203.0.113.50']);
    const requests = app.log().filter(({ msg }) => msg === 'request');
    expect(requests.map(({ ip }) => ip)).toEqual(['2001:db8::1', '203.0.113.50', '127.0.0.1']);
  });
});

describe('X-Forwarded-For without trusted proxies', () => {
  it('is logged once, without its value', async () => {
    const app = await startApp({ databaseUrl });
    const warnings = (): unknown[] => app.log().filter(({ event }) => event === 'forwarded_for_ignored');
    await app.call('GET', '/health/live');
    expect(warnings()).toEqual([]);
    for (const path of ['/health/live', '/nothing', '/v1/%zz', '/health/live']) {
      await app.call('GET', path, { headers: { 'x-forwarded-for': 'a-marker' } });
    }
    expect(warnings()).toMatchObject([{ level: 40, msg: expect.stringContaining('TRUSTED_PROXIES') as string }]);
    expect(JSON.stringify(app.log())).not.toContain('a-marker');
  });
});

describe('the limit on all requests of an address', () => {
  it.each([
    ['an unknown path', 'GET /nothing'],
    ['a wrong method', 'PUT /v1/auth/me'],
    ['a path that cannot be decoded', 'GET /v1/%zz'],
    ['too long a parameter', `DELETE /v1/auth/sessions/${'x'.repeat(200)}`],
    ['a query that is not expected', 'GET /v1/auth/me?x=1'],
    ['a second host', 'GET /v1/auth/me HTTP/1.1\r\nHost: y'],
    ['many header fields', `GET /v1/auth/me HTTP/1.1\r\n${'X: x\r\n'.repeat(101)}Y: y`],
    ['an expectation', 'GET /v1/auth/me HTTP/1.1\r\nExpect: miracles'],
    ['a preflight', 'OPTIONS /v1/auth/me HTTP/1.1\r\nOrigin: https://a.example\r\nAccess-Control-Request-Method: GET'],
    ['a wrong method for a probe', 'PUT /health/live'],
    ['a tunnel', 'CONNECT a:1'],
    ['a malformed field', 'GET /v1/auth/me HTTP/1.1\r\nno field'],
    ['too long a target', `GET /${'x'.repeat(17_000)}`],
    ['too large a header section', `GET /v1/auth/me HTTP/1.1\r\nX: ${'x'.repeat(17_000)}`],
    ['a good request', 'GET /v1/auth/me'],
  ])('counts %s, and refuses it', async (_case, request) => {
    const changes = { rateLimits: 'on', addressRequestsPerMinute: 2, corsOrigins: ['https://a.example'] } as const;
    const app = await startApp({ databaseUrl, changes });
    const statuses = [await statusOf(app, request), await statusOf(app, request), await statusOf(app, request)];
    expect(statuses).toEqual([statuses[0], statuses[0], 429]);
    expect(statuses[0]).not.toBe(429);
    expect([await statusOf(app, 'GET /health/live'), await statusOf(app, 'GET /health/ready')]).toEqual([200, 200]);
  });
});

/** The status of a request that no HTTP client would send. */
async function statusOf({ url }: TestApp, request: string): Promise<number> {
  const [line = '', ...fields] = request.replace(' HTTP/1.1', '').split('\r\n');
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write([`${line} HTTP/1.1`, 'Host: x', 'Connection: close', ...fields, '', ''].join('\r\n'));
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(socket, 'close');
  return Number(text.split(' ')[1]);
}
