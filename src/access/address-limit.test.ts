import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import type { Config } from '../config/config.js';
import { parseSettings } from '../config/read-settings.js';
import type { LimitRefusals } from '../rate-limits/limit-refusals.js';
import { tooManyAttempts } from '../rate-limits/rate-limits.problems.js';
import { AddressLimit } from './address-limit.js';
import { LoginCounter } from './login-counter.js';

const refusals: Pick<LimitRefusals, 'countAndCreateProblem'> = {
  countAndCreateProblem: ({ seconds }) => tooManyAttempts({ headers: { 'retry-after': String(seconds) } }),
};

afterEach(() => void vi.useRealTimers());

/** A server that admits two requests of an address in a minute. */
async function serve(maxAddresses?: number): Promise<FastifyInstance> {
  const config = { ...parseSettings({}), addressRequestsPerMinute: 2 } as Config;
  const fastify = Fastify({ trustProxy: true });
  onTestFinished(() => fastify.close());
  const limit = new AddressLimit(config, refusals as LimitRefusals, new LoginCounter());
  await limit.prepareCounter(fastify, maxAddresses);
  fastify.addHook('onRequest', async (request, reply) => {
    const refused = await limit.countRequest(request);
    return refused && reply.code(refused.kind.status).headers(refused.headers).send();
  });
  fastify.get('/', () => 'seen');
  return fastify;
}

function ask(fastify: FastifyInstance, address: string) {
  return fastify.inject({ url: '/', headers: { 'x-forwarded-for': address } });
}

it('the limit of an address admits a request after Retry-After, and not before (BRU-04)', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
  const fastify = await serve();
  await ask(fastify, '192.0.2.1');
  vi.setSystemTime(1_020_500);
  await ask(fastify, '192.0.2.1');
  const refused = await ask(fastify, '192.0.2.1');
  expect([refused.statusCode, refused.headers['retry-after']]).toEqual([429, '40']);
  vi.setSystemTime(1_059_999);
  expect((await ask(fastify, '192.0.2.1')).statusCode).toBe(429);
  vi.setSystemTime(1_020_500 + 40_000);
  expect((await ask(fastify, '192.0.2.1')).statusCode).toBe(200);
});

it('the limit of an address counts a bounded number of addresses and forgets the least recent one (BRU-07)', async () => {
  const fastify = await serve(100);
  for (let turn = 0; turn < 2; turn++) await ask(fastify, '192.0.2.1');
  for (let other = 0; other < 99; other++) await ask(fastify, `198.51.100.${other}`);
  expect((await ask(fastify, '192.0.2.1')).statusCode).toBe(429);
  for (let other = 0; other < 100; other++) await ask(fastify, `198.51.100.${other}`);
  expect((await ask(fastify, '192.0.2.1')).statusCode).toBe(200);
});

/** Adds the path of each member that is read to the set. */
function watched<Given extends object>(given: Given, read: Set<string>, path = ''): Given {
  const note = (name: string | symbol): void => {
    // Symbols are read by the language itself, as when an array is concatenated.
    if (typeof name === 'string') read.add(path + name);
  };
  return new Proxy(given, {
    get(target, name) {
      note(name);
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'object' && value !== null ? watched(value, read, `${path}${String(name)}.`) : value;
    },
    has(target, name) {
      note(name);
      return Reflect.has(target, name);
    },
  });
}

it('the library that counts requests reads only members that a request that could not be parsed has as well', async () => {
  const config = { ...parseSettings({}), addressRequestsPerMinute: 1 } as Config;
  const fastify = Fastify();
  onTestFinished(() => fastify.close());
  const read = new Set<string>();
  const limit = new AddressLimit(config, refusals as LimitRefusals, new LoginCounter());
  await limit.prepareCounter({
    register: (...registered: Parameters<typeof fastify.register>) => fastify.register(...registered),
    createRateLimit: () => {
      const count = fastify.createRateLimit();
      return (request: FastifyRequest) => count(watched(request, read));
    },
  } as unknown as FastifyInstance);
  expect(await limit.countRequest({ ip: '192.0.2.1' })).toBeUndefined();
  expect(await limit.countRequest({ ip: '192.0.2.1' })).toMatchObject({ kind: { code: 'too_many_attempts' } });
  expect([...read].toSorted()).toEqual(['ip', 'routeOptions', 'routeOptions.config']);
});
