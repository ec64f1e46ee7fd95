import { fastify } from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { httpServerOptions, prepareHttp, registerHttp } from './http-server.js';

const SOCKET = '10.0.0.1';

/** Fastify's `request.ip` for a request from this socket with this header. */
async function addressOf(
  forwardedFor: string | undefined,
  remoteAddress = SOCKET,
  trustedProxies = ['10.0.0.0/8', 'fd00::/8'],
) {
  const http = prepareHttp({ https: false, trustedProxies });
  const server = fastify(httpServerOptions(http));
  onTestFinished(() => server.close());
  registerHttp(server, http);
  server.get('/', ({ ip }) => ip);
  const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor };
  return (await server.inject({ url: '/', remoteAddress, headers })).body;
}

describe("the client's address", () => {
  it.each([
    ['203.0.113.50', '203.0.113.50'],
    ['203.0.113.50:40001', '203.0.113.50'],
    ['"203.0.113.50:40001"', '203.0.113.50'],
    [' 203.0.113.50\t', '203.0.113.50'],
    ['203.0.113.50:_gate', '203.0.113.50'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['"[2001:db8::1]:443"', '2001:db8::1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['::ffff:203.0.113.50', '203.0.113.50'],
    ['[::ffff:cb00:7132]:80', '203.0.113.50'],
    ['fe80::1%eth0', 'fe80::1'],
    ['"[fe80::1%25eth0]:443"', 'fe80::1'],
    ['198.51.100.7, 203.0.113.50:40001', '203.0.113.50'],
    ['203.0.113.50:40001, 10.9.9.9:80, [fd00::7]:80, "[::ffff:10.1.1.1]:80"', '203.0.113.50'],
    ['203.0.113.50,, ,10.9.9.9', '203.0.113.50'],
    ['nonsense, 203.0.113.50', '203.0.113.50'],
    ['10.9.9.9', '10.9.9.9'],
  ])(
    'is read from X-Forwarded-For, with or without port, brackets, quotes or zone: %s (BRU-10)',
    async (header, address) => {
      expect(await addressOf(header)).toBe(address);
    },
  );

  it.each([
    '',
    ' , ,',
    'unknown',
    '_hidden',
    'localhost',
    '203.0.113.50:port',
    '203.0.113.50:400011',
    '203.0.113',
    '203.0.113.050',
    '0xcb.0.113.50',
    '3405803826',
    '203.0.113.50/32',
    '[203.0.113.50]:80',
    '[2001:db8::1',
    '[2001:db8::1]443',
    '[]',
    '"203.0.113.50',
    '2001:db8::1]:443',
    '203.0.113.50 203.0.113.51',
    '198.51.100.7, unknown',
    '198.51.100.7, unknown, 10.9.9.9',
    `203.0.113.50${' '.repeat(200)}x`,
    `203.0.113.50, ${'10.9.9.9, '.repeat(40)}`,
  ])(
    "is the socket's if an entry of the header is no address, whatever stands left of it: %j (BRU-10)",
    async (header) => {
      expect(await addressOf(header)).toBe(SOCKET);
    },
  );

  it("is the socket's if that is no trusted proxy, or the header is absent (BRU-10)", async () => {
    expect(await addressOf('203.0.113.50:40001', '192.0.2.9')).toBe('192.0.2.9');
    expect(await addressOf('203.0.113.50', '::ffff:192.0.2.9')).toBe('::ffff:192.0.2.9');
    expect(await addressOf('203.0.113.50', 'fe80::1%eth0')).toBe('fe80::1%eth0');
    expect(await addressOf(undefined)).toBe(SOCKET);
  });

  it.each([
    ['::ffff:10.2.2.2', ['10.0.0.0/8']],
    ['10.2.2.2', ['::ffff:10.2.2.2']],
    ['10.2.2.2', ['::ffff:10.0.0.0/104']],
    ['fe80::1%eth0', ['fe80::/10']],
    ['2001:db8::2', ['2001:db8::2']],
  ])('is read from the header of a proxy at %s if %j is trusted (BRU-10)', async (remoteAddress, trusted) => {
    expect(await addressOf('203.0.113.50:1', remoteAddress, trusted)).toBe('203.0.113.50');
  });
});
