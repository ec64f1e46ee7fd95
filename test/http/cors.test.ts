import { Controller, Get, Module } from '@nestjs/common';
import { once } from 'node:events';
import { connect } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { Public } from '../../src/access/route-access.decorators.js';
import { serviceUnavailable } from '../../src/problems/http-status.problems.js';
import { SECURITY_HEADERS } from '../../src/http/response-headers.js';
import { afterAllTests, startApp, type TestApp } from '../support/app.js';

const ORIGIN = 'https://app.example.com';
const ORIGINS = [
  ORIGIN,
  'http://localhost:5173',
  'capacitor://localhost',
  'tauri://localhost',
  'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
  'moz-extension://2c1f0e0a-7f0e-4f5e-9a55-8d7e6a5b4c3d',
];
const JSON_TYPE = 'Content-Type: application/json\r\n';

@Controller('v1/failing')
class FailingController {
  @Get()
  @Public()
  fail(): never {
    throw new Error('a defect');
  }

  @Get('away')
  @Public()
  away(): never {
    throw serviceUnavailable();
  }
}

@Module({ controllers: [FailingController] })
class FailingModule {}

function preflight(app: TestApp, origin: string, path = '/v1/auth/me') {
  return app.call('OPTIONS', path, {
    headers: {
      origin,
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'authorization',
    },
  });
}

describe('a page of another origin', () => {
  it('gets no CORS headers unless CORS_ORIGINS lists it (API-10)', async () => {
    const app = await startApp();
    const answers = [
      await preflight(app, ORIGIN),
      await app.call('GET', '/health/live', { headers: { origin: ORIGIN } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([405, 200]);
    for (const { headers } of answers) {
      expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });

  describe('in CORS_ORIGINS', () => {
    let app: TestApp;
    const onFinished = afterAllTests();
    beforeAll(async () => {
      app = await startApp({ changes: { corsOrigins: ORIGINS }, features: [FailingModule] }, onFinished);
    });

    it.each(ORIGINS)('%s may send requests, and its preflight needs no token (API-10)', async (origin) => {
      const asked = await preflight(app, origin);
      expect(asked.status).toBe(204);
      expect(asked.headers.get('access-control-allow-origin')).toBe(origin);
      expect(asked.headers.get('access-control-allow-headers')?.split(', ')).toEqual([
        'authorization',
        'content-type',
        'x-request-id',
        'traceparent',
        'tracestate',
        'baggage',
      ]);
      expect(asked.headers.get('access-control-allow-credentials')).toBeNull();
      expect(asked.headers.get('vary')).toMatch(/\borigin\b/i);
      expect(asked.headers.get('x-content-type-options')).toBe('nosniff');
      const refused = await app.call('GET', '/v1/auth/me', { headers: { origin } });
      expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, origin]);
      expect(refused.headers.get('access-control-expose-headers')).toContain('www-authenticate');
    });

    it.each([
      'https://app.example.com.evil.example',
      'https://evil.example',
      'http://app.example.com',
      'https://APP.example.com',
      'https://app.example.com:8443',
      'chrome-extension://mpognobbkildjkofajifpdfhcoklimld',
      'capacitor://localhost.evil.example',
      'capacitor://LOCALHOST',
      'null',
      '*',
    ])('does not match %s, which is not reflected (API-10)', async (origin) => {
      for (const { headers } of [
        await preflight(app, origin),
        await app.call('GET', '/health/live', { headers: { origin } }),
      ]) {
        expect(headers.get('access-control-allow-origin')).toBeNull();
      }
    });

    it('gets 405 and 404 for wrong methods and unknown paths', async () => {
      const headers = { origin: ORIGIN };
      expect((await app.call('PUT', '/v1/auth/me', { headers })).status).toBe(405);
      expect((await app.call('OPTIONS', '/v1/auth/me', { headers })).status).toBe(405);
      expect((await app.call('GET', '/nothing', { headers })).status).toBe(404);
    });

    it.each([
      [200, 'a success', 'GET /health/live', ''],
      [304, 'an unchanged resource', 'GET /.well-known/jwks.json', 'If-None-Match: *\r\n'],
      [400, 'a path that cannot be decoded', 'GET /v1/%zz', ''],
      [400, 'a query that cannot be decoded', 'GET /v1/auth/me?x=%zz', ''],
      [400, 'an unexpected query', 'GET /v1/auth/me?x=1', ''],
      [400, 'a second Host header', 'GET /health/live', 'Host: y\r\n'],
      [400, 'a body that does not match the schema', 'POST /v1/auth/login', `${JSON_TYPE}Content-Length: 2\r\n\r\n{}`],
      [400, 'a malformed JSON body', 'POST /v1/auth/login', `${JSON_TYPE}Content-Length: 2\r\n\r\n{]`],
      [400, 'malformed chunks', 'POST /v1/auth/login', `${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
      [401, 'no token', 'GET /v1/auth/me', ''],
      [401, 'a bad token', 'GET /v1/auth/me', 'Authorization: Bearer x.y.z\r\n'],
      [404, 'an unknown path', 'GET /nothing', ''],
      [405, 'a wrong method', 'PUT /v1/auth/me', ''],
      [405, 'CONNECT', 'CONNECT a:1', ''],
      [413, 'a long body', 'POST /v1/auth/login', `${JSON_TYPE}Content-Length: 20000\r\n`],
      [414, 'a long target', `GET /${'x'.repeat(5000)}`, ''],
      [414, 'a long parameter', `DELETE /v1/auth/sessions/${'x'.repeat(200)}`, ''],
      [415, 'an unknown media type', 'POST /v1/auth/login', 'Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx'],
      [417, 'an expectation', 'GET /health/live', 'Expect: miracles\r\n'],
      [431, 'many header fields', 'GET /health/live', 'X: x\r\n'.repeat(100)],
      [500, 'an internal error', 'GET /v1/failing', ''],
      [503, 'an unavailable service', 'GET /v1/failing/away', ''],
    ])('may read every response, whichever layer sends it: %i for %s (API-13)', async (status, _case, target, rest) => {
      const answer = await exchange(app.url, target, rest);
      expect(answer.status).toBe(status);
      expectReadable(answer);
    });

    it('may read 429, whatever it requests (API-13)', async () => {
      const changes = { rateLimits: 'on', addressRequestsPerMinute: 1, corsOrigins: ORIGINS } as const;
      for (const target of ['GET /v1/auth/me', 'GET /nothing', 'GET /v1/%zz', 'CONNECT a:1']) {
        const limited = await startApp({ databaseUrl: app.databaseUrl, changes });
        await exchange(limited.url, target);
        const answer = await exchange(limited.url, target);
        expect([target, answer.status]).toEqual([target, 429]);
        expectReadable(answer);
        expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
      }
    });
  });
});

/** Sends a request over a plain socket, since HTTP clients would not send some of these. */
async function exchange(url: string, target: string, rest = ''): Promise<{ status: number; headers: Headers }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const body = rest.includes('\r\n\r\n') ? rest : `${rest}\r\n`;
  socket.write(`${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nOrigin: ${ORIGIN}\r\n${body}`);
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(socket, 'close');
  const [statusLine = '', ...fields] = (text.split('\r\n\r\n')[0] ?? '').split('\r\n');
  const headers = new Headers(fields.map((field) => field.split(/: (.*)/s, 2) as [string, string]));
  return { status: Number(statusLine.split(' ')[1]), headers };
}

function expectReadable({ headers }: { headers: Headers }): void {
  expect(headers.get('access-control-allow-origin')).toBe(ORIGIN);
  expect(headers.get('access-control-expose-headers')).toContain('x-request-id');
  expect(headers.get('vary')).toBe('Origin');
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
    if (name !== 'cache-control') expect([name, headers.get(name)]).toEqual([name, value]);
  }
}
