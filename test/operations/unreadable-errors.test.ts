import { Controller, Get, Injectable, Logger, Module, Param, Req } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { beforeAll, describe, expect, it } from 'vitest';
import { Public } from '../../src/access/route-access.decorators.js';
import { thrownText } from '../../src/config/thrown-text.js';
import { BackgroundJobs } from '../../src/jobs/background-jobs.js';
import { JobsModule } from '../../src/jobs/jobs.module.js';
import { serializeError } from '../../src/logging/error-serializer.js';
import { afterAllTests, startApp, type TestApp } from '../support/app.js';

const MARK = 'm4rker';
const { proxy: revoked, revoke } = Proxy.revocable(new Error(MARK), {});
revoke();

const errorWith = (descriptors: PropertyDescriptorMap): Error => Object.defineProperties(new Error(MARK), descriptors);
const unreadable = {
  get: () => {
    throw new Error('unreadable');
  },
};
const traps = Object.fromEntries(Object.getOwnPropertyNames(Reflect).map((trap) => [trap, unreadable.get]));

/** What code of an application may throw, and what of it the log must have. */
const THROWN: Readonly<Record<string, [thrown: unknown, logged: object]>> = {
  'a message that is undefined': [errorWith({ message: { value: undefined } }), { message: 'undefined' }],
  'a message that is an object': [errorWith({ message: { value: { reason: 1 } } }), { message: '{ reason: 1 }' }],
  'a message that cannot be read': [errorWith({ message: unreadable }), { type: 'Error', message: 'undefined' }],
  'a message that cannot be shown': [
    errorWith({ message: { value: Object.create(null, { [Symbol.toStringTag]: unreadable }) as object } }),
    { type: 'Error', message: expect.any(String) },
  ],
  'a stack that is null': [errorWith({ stack: { value: null } }), { message: MARK, stack: '' }],
  'a stack that is an object': [errorWith({ stack: { value: {} } }), { message: MARK, stack: '' }],
  'a stack that cannot be read': [errorWith({ stack: unreadable }), { message: MARK, stack: '' }],
  'a name that is a symbol': [errorWith({ name: { value: Symbol('n') } }), { type: 'Symbol(n)', message: MARK }],
  'a name that cannot be read': [errorWith({ name: unreadable }), { message: MARK }],
  'a code that cannot be read': [errorWith({ code: unreadable }), { type: 'Error', message: MARK }],
  'a status that cannot be read': [errorWith({ statusCode: unreadable }), { type: 'Error', message: MARK }],
  'a cause that cannot be read': [errorWith({ cause: unreadable }), { type: 'Error', message: MARK }],
  'a cause that is a revoked proxy': [errorWith({ cause: { value: revoked } }), { message: MARK }],
  'members of which none can be read': [
    errorWith(Object.fromEntries(['name', 'message', 'stack', 'code', 'cause'].map((name) => [name, unreadable]))),
    { type: 'undefined', message: 'undefined', stack: '' },
  ],
  'a revoked proxy': [revoked, { type: 'object', message: '' }],
  'a proxy whose traps all throw': [new Proxy(new Error(MARK), traps), { type: 'object', message: '' }],
};
const kinds = Object.keys(THROWN);
const thrownOf = (kind: string): unknown => THROWN[kind]?.[0];
const loggedOf = (kind: string): object => expect.objectContaining(THROWN[kind]?.[1] ?? {}) as object;

@Controller('throwing')
class ThrowingController {
  @Get(':kind')
  @Public()
  @RouteSchema({ params: Type.Object({ kind: Type.String() }, { additionalProperties: false }) })
  fail(@Param() { kind }: { kind: string }): never {
    throw thrownOf(kind);
  }
}

@Controller('logging')
class LoggingController {
  @Get(':kind')
  @Public()
  @RouteSchema({ params: Type.Object({ kind: Type.String() }, { additionalProperties: false }) })
  log(@Param() { kind }: { kind: string }, @Req() request: FastifyRequest): object {
    request.log.error(thrownOf(kind));
    request.log.error({ err: thrownOf(kind), kind });
    new Logger('Throwing').error(thrownOf(kind));
    return {};
  }
}

@Injectable()
class ThrowingJobs {
  constructor(jobs: BackgroundJobs) {
    for (const [index, kind] of kinds.entries())
      jobs.every(60, `kind ${index}`, () => {
        throw thrownOf(kind);
      });
  }
}

@Module({ imports: [JobsModule], controllers: [ThrowingController, LoggingController], providers: [ThrowingJobs] })
class ThrowingModule {}

let app: TestApp;
const onFinished = afterAllTests();
beforeAll(async () => {
  app = await startApp({ features: [ThrowingModule] }, onFinished);
});

describe('an error with', () => {
  it.each(kinds)('%s is made a line of the log and a text', (kind) => {
    expect(serializeError(thrownOf(kind))).toEqual(loggedOf(kind));
    expect(typeof thrownText(thrownOf(kind))).toBe('string');
  });

  it.each(kinds)('%s that a handler throws is 500, and logged as what it is', async (kind) => {
    const before = app.log().length;
    const { status, body } = await app.call('GET', `/throwing/${encodeURIComponent(kind)}`);
    expect([status, body['code']]).toEqual([500, 'internal_error']);
    const lines = app.log().slice(before);
    expect(lines.filter(({ level }) => level === 50).map(({ err }) => err)).toEqual([loggedOf(kind)]);
  });

  it.each(kinds)('%s may be logged by an application', async (kind) => {
    const before = app.log().length;
    expect((await app.call('GET', `/logging/${encodeURIComponent(kind)}`)).status).toBe(200);
    const lines = app.log().slice(before);
    expect(lines.filter(({ level }) => level === 50).map(({ err }) => err)).toEqual(
      [1, 2, 3].map(() => loggedOf(kind)),
    );
  });

  it.each([...kinds.entries()])('kind %i, %s, fails a job and nothing else', async (index, kind) => {
    const jobs = app.nest.get(BackgroundJobs, { strict: false });
    const name = `kind ${index}`;
    for (let run = 0; run < 2; run++) await jobs.runJob(name);
    expect(jobs.failureCounts()[name]).toBe(2);
    const lines = app.log().filter(({ chore }) => chore === name);
    expect(lines.map(({ err }) => err)).toEqual([loggedOf(kind)]);
  });
});

it('no text of an error is longer than 8192 characters in the log, not even its name, its code and msg', async () => {
  const before = app.log().length;
  const long = Buffer.alloc(50_000_000, 'word ').toString();
  const error = Object.assign(new Error(long), { name: long, code: long, cause: new Error(long) });
  new Logger('Throwing').error(error);
  const [line] = app.log().slice(before);
  expect(line).toMatchObject({ level: 50, msg: expect.stringMatching(/^word [^]*… \(50000000 characters\)$/) });
  expect(JSON.stringify(line).length).toBeLessThan(7 * 8300);
});
