import { beforeAll, describe, expect, it } from 'vitest';
import { afterAllTests, startApp, type TestApp } from './app.js';

const ORIGIN = 'https://app.example.com';

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
  it('gets no leave unless CORS_ORIGINS says so (API-10)', async () => {
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

  describe('on the list', () => {
    let app: TestApp;
    const onFinished = afterAllTests();
    beforeAll(async () => {
      app = await startApp({ changes: { corsOrigins: [ORIGIN, 'http://localhost:5173'] } }, onFinished);
    });

    it.each([ORIGIN, 'http://localhost:5173'])(
      '%s may call, and its preflight needs no token (API-10)',
      async (origin) => {
        const asked = await preflight(app, origin);
        expect(asked.status).toBe(204);
        expect(asked.headers.get('access-control-allow-origin')).toBe(origin);
        expect(asked.headers.get('access-control-allow-headers')).toBe('authorization, content-type');
        expect(asked.headers.get('access-control-allow-credentials')).toBeNull();
        expect(asked.headers.get('vary')).toMatch(/\borigin\b/i);
        expect(asked.headers.get('x-content-type-options')).toBe('nosniff');
        const refused = await app.call('GET', '/v1/auth/me', { headers: { origin } });
        expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, origin]);
        expect(refused.headers.get('access-control-expose-headers')).toContain('www-authenticate');
      },
    );

    it.each([
      'https://app.example.com.evil.example',
      'https://evil.example',
      'http://app.example.com',
      'https://APP.example.com',
      'https://app.example.com:8443',
      'null',
    ])('never means %s, which is not reflected (API-10)', async (origin) => {
      for (const { headers } of [
        await preflight(app, origin),
        await app.call('GET', '/health/live', { headers: { origin } }),
      ]) {
        expect(headers.get('access-control-allow-origin')).toBeNull();
      }
    });

    it('leaves wrong methods and unknown paths what they are', async () => {
      const headers = { origin: ORIGIN };
      expect((await app.call('PUT', '/v1/auth/me', { headers })).status).toBe(405);
      expect((await app.call('GET', '/nothing', { headers })).status).toBe(404);
    });
  });
});
