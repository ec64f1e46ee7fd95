import Fastify, { LogController, type FastifyInstance, type FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import { registerAccessLog } from './access-log.js';
import { lazyRequestLogger } from './lazy-request-logger.js';
import { logOptions } from './log-options.js';

type Line = Record<string, unknown>;

/** An instance with the access log; `direct` are the lines that pino did not print. */
function logging(): { fastify: FastifyInstance; lines: Line[]; direct: string[] } {
  const lines: Line[] = [];
  const direct: string[] = [];
  const stream = {
    write: (line: string) => void lines.push(JSON.parse(line) as Line),
    writeSoon: (line: string) => {
      direct.push(line);
      stream.write(line);
    },
  };
  const fastify = Fastify({
    logger: logOptions('info', stream),
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: lazyRequestLogger,
    genReqId: () => 'an-id',
  });
  registerAccessLog(fastify, stream);
  return { fastify, lines, direct };
}

const withoutTime = ({ time, milliseconds, ...others }: Line): Line => {
  expect([typeof time, typeof milliseconds]).toEqual(['string', 'number']);
  return others;
};

describe('the access log', () => {
  it('says the same directly as through the logger of the request', async () => {
    const { fastify, lines, direct } = logging();
    fastify.get('/notes/:id', (request) => ({ id: request.id }));
    fastify.get('/again/:id', (request) => {
      request.log = request.log.child({});
      return { id: request.id };
    });
    await fastify.inject('/notes/secret');
    await fastify.inject('/again/secret');
    expect(direct).toHaveLength(1);
    expect(lines).toHaveLength(2);
    const [first, second] = lines.map(withoutTime);
    expect(first).toEqual({ ...second, route: '/notes/:id' });
    expect(Object.keys(lines[0] ?? {})).toEqual(Object.keys(lines[1] ?? {}));
    expect(first).toMatchObject({
      level: 30,
      reqId: 'an-id',
      method: 'GET',
      status: 200,
      ip: '127.0.0.1',
      msg: 'request',
    });
  });

  it('has an empty route where there is none', async () => {
    const { fastify, lines, direct } = logging();
    await fastify.inject({ method: 'POST', url: '/unknown?password=1' });
    expect(direct).toHaveLength(1);
    expect(lines).toEqual([expect.objectContaining({ method: 'POST', route: '', status: 404 })]);
  });

  it.each<[string, (request: FastifyRequest) => void, Line]>([
    ['a child', (request) => (request.log = request.log.child({ tenant: 'a' })), { tenant: 'a', reqId: 'an-id' }],
    ['another logger', (request) => (request.log = request.server.log.child({ b: 1 })), { b: 1 }],
    [
      'another method',
      ({ log }) => Object.defineProperty(log, 'info', { value: (line: object) => log.warn({ ...line, c: 1 }) }),
      { level: 40, c: 1, reqId: 'an-id' },
    ],
  ])('goes through the logger of a request that was replaced by %s', async (_, change, expected) => {
    const { fastify, lines, direct } = logging();
    fastify.get('/', (request) => {
      change(request);
      return {};
    });
    await fastify.inject('/');
    expect(direct).toEqual([]);
    expect(lines).toEqual([expect.objectContaining({ route: '/', status: 200, ...expected })]);
  });

  it('obeys the level of a route, and a level that is changed later', async () => {
    const { fastify, lines, direct } = logging();
    fastify.get('/', () => ({}));
    fastify.get('/silent', { logLevel: 'warn' }, () => ({}));
    await fastify.inject('/silent');
    fastify.log.level = 'warn';
    await fastify.inject('/');
    expect(lines).toEqual([]);
    fastify.log.level = 'debug';
    await fastify.inject('/');
    expect(lines).toEqual([expect.objectContaining({ route: '/' })]);
    expect(direct).toHaveLength(1);
  });

  it('obeys a level also where the methods of the logger stay the same', async () => {
    const { fastify, lines } = logging();
    const { info } = fastify.log;
    fastify.get('/', () => ({}));
    await fastify.inject('/');
    fastify.log.level = 'warn';
    fastify.log.info = info;
    await fastify.inject('/');
    expect(lines).toHaveLength(1);
  });

  it.each(['before', 'after'])(
    "has what an application binds to the instance's logger %s the start",
    async (moment) => {
      const { fastify, lines } = logging();
      if (moment === 'after') await fastify.inject('/');
      (fastify.log as unknown as { setBindings(bindings: object): void }).setBindings({ service: 'notes' });
      await fastify.inject('/');
      expect(lines.at(-1)).toMatchObject({ service: 'notes', reqId: 'an-id' });
    },
  );

  it('is written directly while only a child of the logger has bindings', async () => {
    const { fastify, lines, direct } = logging();
    const child = fastify.log.child({}) as unknown as { setBindings(bindings: object): void };
    child.setBindings({ service: 'notes' });
    await fastify.inject('/');
    expect(direct).toHaveLength(1);
    expect(lines).not.toContainEqual(expect.objectContaining({ service: 'notes' }));
  });

  it('keeps the order of the lines of a request', async () => {
    const { fastify, lines } = logging();
    fastify.get('/', ({ log }) => {
      log.warn('from the handler');
      return {};
    });
    await fastify.inject('/');
    expect(lines).toEqual([
      expect.objectContaining({ msg: 'from the handler', reqId: 'an-id' }),
      expect.objectContaining({ msg: 'request', reqId: 'an-id' }),
    ]);
  });
});
