import Fastify from 'fastify';
import fc from 'fast-check';
import { afterEach, expect, it, vi } from 'vitest';
import { AccessLines, type AnsweredRequest } from './access-line.js';
import { lazyRequestLogger } from './lazy-request-logger.js';
import { logOptions } from './log-options.js';

const TOKEN = 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl';

afterEach(() => {
  vi.useRealTimers();
});

/** Texts that need escaping, or that redaction replaces. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('"', '\\', '0', '9', 'a', 'f', ':', '.', '-', '/', ';', '`', 'g', 'A', ' ', '\n'),
  }),
  fc.constantFrom(
    TOKEN,
    'x'.repeat(44),
    '0'.repeat(43),
    '0'.repeat(44),
    'postgresql://gatehouse:hunter2@db/gatehouse',
    '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo',
    '","password":"a',
    'a"\\\n\u2028\ud800',
  ),
);
const path = fc.constantFrom('', '/v1/auth/me', '/v1/users/:id', '/v1/*', `/${'long-segment-'.repeat(4)}`);

const answeredRequest: fc.Arbitrary<AnsweredRequest> = fc.record({
  id: fc.oneof(fc.uuid(), hostile),
  method: fc.oneof(fc.constantFrom('GET', 'POST', 'DELETE', 'QUERY', 'M-SEARCH'), hostile),
  route: fc.oneof(path, hostile),
  status: fc.oneof(fc.integer({ min: 100, max: 999 }), fc.integer()),
  milliseconds: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1e9, noNaN: true })),
  ip: fc.option(fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom('::ffff:127.0.0.1', 'fe80::1%eth0'), hostile), {
    nil: undefined,
  }),
});

it('is what pino prints and redaction leaves of it', () => {
  let printed = '';
  const { log } = Fastify({ logger: logOptions('info', { write: (line) => void (printed = line) }) });
  const lines = new AccessLines();
  fc.assert(
    fc.property(fc.array(answeredRequest), fc.nat(4e12), (requests, now) => {
      vi.useFakeTimers({ toFake: ['Date'], now });
      for (const { id, milliseconds, method, route, status, ip } of requests) {
        const rounded = Math.round(milliseconds * 100) / 100;
        lazyRequestLogger(log, { reqId: id }, {}).info({ method, route, status, milliseconds: rounded, ip }, 'request');
        expect(lines.lineOf({ id, method, route, status, milliseconds, ip })).toBe(printed);
      }
    }),
    { numRuns: 500 },
  );
});
