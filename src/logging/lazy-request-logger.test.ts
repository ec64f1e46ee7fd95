import Fastify, { type FastifyInstance } from 'fastify';
import { describe, expect, it } from 'vitest';
import { lazyRequestLogger } from './lazy-request-logger.js';

/** An instance that logs into an array, and counts the loggers that it makes for requests. */
function logging(level: string): {
  fastify: FastifyInstance;
  lines: () => Record<string, unknown>[];
  made: () => number;
} {
  const written: string[] = [];
  let made = 0;
  const stream = { write: (line: string) => void written.push(line) };
  const fastify = Fastify({
    logger: { level, stream },
    disableRequestLogging: true,
    childLoggerFactory: lazyRequestLogger,
  });
  const plain: object = Object.getPrototypeOf(fastify.log) as object;
  fastify.log.child = function (bindings, ...rest) {
    made += Number('reqId' in bindings);
    return (Reflect.get(plain, 'child', this) as typeof this.child).call(this, bindings, ...rest);
  };
  fastify.get('/silent', async () => ({}));
  fastify.get('/logging', async ({ log }) => {
    log.warn({ a: 1 }, 'logged');
    log.child({ inner: true }).error('inner');
    log.debug('below the level');
    return { level: log.level };
  });
  return { fastify, lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>), made: () => made };
}

describe("a request's logger", () => {
  it('is not made before it is used, and then once', async () => {
    const { fastify, made } = logging('warn');
    await fastify.inject('/silent');
    expect(made()).toBe(0);
    await fastify.inject('/logging');
    expect(made()).toBe(1);
  });

  it('carries the id of the request and obeys the level', async () => {
    const { fastify, lines } = logging('warn');
    const { body } = await fastify.inject('/logging');
    expect(JSON.parse(body)).toEqual({ level: 'warn' });
    expect(lines()).toEqual([
      expect.objectContaining({ level: 40, a: 1, msg: 'logged', reqId: 'req-1' }),
      expect.objectContaining({ level: 50, inner: true, msg: 'inner', reqId: 'req-1' }),
    ]);
  });
});
