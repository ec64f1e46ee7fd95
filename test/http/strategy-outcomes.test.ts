import { Controller, Get, Injectable, Module, UseGuards } from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport';
import { runInNewContext } from 'node:vm';
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Authenticated, EmailVerified, Public, Roles } from '../../src/access/route-access.decorators.js';
import { tokenStale } from '../../src/access/access.problems.js';
import { afterAllTests, startApp, type TestApp } from '../support/app.js';

/** A strategy of Passport as its authors write them: what `verify` says decides. */
class VerifyingStrategy extends Strategy {
  constructor(private readonly verify: (done: (error: unknown, user?: unknown) => void) => void) {
    super();
  }

  override authenticate(): void {
    this.verify((error, user) => {
      if (error) this.error(error);
      else if (user) this.success(user);
      else this.fail(401);
    });
  }
}

type Acting = Pick<
  Strategy & { [Action in 'success' | 'fail' | 'error' | 'pass']: (...args: unknown[]) => void },
  'success' | 'fail' | 'error' | 'pass'
>;

/** What the strategies do for the next request. */
const next: { validate: () => unknown; act: (acting: Acting) => unknown } = { validate: () => null, act: () => null };

@Injectable()
class ValidatingStrategy extends PassportStrategy(VerifyingStrategy, 'validating') {
  validate(): unknown {
    return next.validate();
  }
}

@Injectable()
class ActingStrategy extends PassportStrategy(Strategy, 'acting') {
  override authenticate(): void {
    return next.act(this as unknown as Acting) as undefined;
  }

  /** Not called. */
  validate(): void {}
}

const KEY = { userId: 'key' };

@Injectable()
class KeyStrategy extends PassportStrategy(Strategy, 'key') {
  override authenticate({ headers }: { headers: Record<string, unknown> }): void {
    if (headers['x-api-key'] === 'right') this.success(KEY);
    else this.fail(401);
  }

  /** Not called. */
  validate(): void {}
}

const handled = { users: [] as unknown[] };

@Controller('v1/outcomes')
class OutcomesController {
  @Get('validating')
  @Authenticated('validating')
  validating(): object {
    return this.#answer();
  }

  @Get('acting')
  @Authenticated('acting')
  acting(): object {
    return this.#answer();
  }

  @Get('roles')
  @Authenticated('validating')
  @Roles('admin')
  roles(): object {
    return this.#answer();
  }

  @Get('verified')
  @Authenticated('validating')
  @EmailVerified()
  verified(): object {
    return this.#answer();
  }

  @Get('either')
  @Authenticated('acting', 'key')
  either(): object {
    return this.#answer();
  }

  @Get('guarded')
  @Public()
  @UseGuards(AuthGuard('acting'))
  guarded(): object {
    return this.#answer();
  }

  #answer(): object {
    handled.users.push(true);
    return {};
  }
}

@Module({ controllers: [OutcomesController], providers: [ValidatingStrategy, ActingStrategy, KeyStrategy] })
class OutcomesModule {}

const onFinished = afterAllTests();
let app: TestApp;
beforeAll(async () => {
  app = await startApp({ features: [OutcomesModule] }, onFinished);
});
beforeEach(() => {
  handled.users = [];
});

async function outcomeOf(route: string, headers: Record<string, string> = {}): Promise<unknown[]> {
  const { status, body } = await app.call('GET', `/v1/outcomes/${route}`, { headers });
  return [status, body['code'], handled.users.length];
}

function throwing(thrown: unknown): () => never {
  return () => {
    throw thrown;
  };
}

const closed = (): never => {
  throw new Error('closed');
};
/** Things that are no Error of this realm, as a strategy may throw them. */
const THROWN: readonly [string, () => unknown][] = [
  ['a text', () => 'no such key'],
  ['a number', () => 401],
  ['true', () => true],
  ['a symbol', () => Symbol('no')],
  ['a function', () => () => 'no'],
  ['an object that looks like a user', () => ({ userId: 'x', roles: ['admin'], emailVerified: true })],
  ['an Error of another realm', () => runInNewContext('new Error("no")')],
  ['a proxy that answers nothing', () => new Proxy({}, { get: closed, getPrototypeOf: closed })],
];

describe('a strategy that refuses with anything but an Error (ACC-09)', () => {
  it.each(THROWN)('admits nobody, and the request is 500: %s', async (_case, thrown) => {
    next.validate = throwing(thrown());
    for (const route of ['validating', 'roles', 'verified']) {
      expect(await outcomeOf(route)).toEqual([500, 'internal_error', 0]);
    }
    next.validate = async () => Promise.reject(thrown());
    expect(await outcomeOf('validating')).toEqual([500, 'internal_error', 0]);
    for (const act of [
      (acting: Acting) => acting.error(thrown()),
      throwing(thrown()),
      async () => Promise.reject(thrown()),
    ]) {
      next.act = act;
      for (const route of ['acting', 'either', 'guarded']) {
        expect(await outcomeOf(route, { 'x-api-key': 'right' })).toEqual([500, 'internal_error', 0]);
      }
    }
  });

  it.each([[undefined], [null], [0], [''], [false]])('admits nobody with %j', async (nothing) => {
    next.validate = throwing(nothing);
    expect(await outcomeOf('validating')).toEqual([401, 'token_missing', 0]);
    for (const act of [(acting: Acting) => acting.error(nothing), throwing(nothing)]) {
      next.act = act;
      for (const route of ['acting', 'guarded']) expect(await outcomeOf(route)).toEqual([500, 'internal_error', 0]);
    }
  });

  it('is named in the log, with what kind of thing it refused with', async () => {
    next.validate = throwing('no such key');
    await outcomeOf('validating');
    const logged = app.log().findLast(({ err }) => err !== undefined);
    expect(logged?.['err']).toMatchObject({ message: 'A Passport strategy failed', cause: { type: 'string' } });
  });

  it('may refuse with a problem, which is the answer', async () => {
    next.validate = throwing(tokenStale());
    expect(await outcomeOf('validating')).toEqual([401, 'token_stale', 0]);
    next.act = (acting) => acting.success(tokenStale());
    for (const route of ['acting', 'guarded']) expect(await outcomeOf(route)).toEqual([401, 'token_stale', 0]);
  });
});

describe('what a strategy returns as its user (ACC-09)', () => {
  it.each<[string, () => unknown]>([
    ['an Error', () => new Error('no')],
    ['an Error of another realm', () => runInNewContext('new Error("no")')],
    ['a function', () => () => ({ roles: ['admin'] })],
    ['a promise', () => Promise.resolve({ roles: ['admin'] })],
    ['a promise that is rejected', () => Promise.reject(new Error('no'))],
    ['a query that waits for its then', () => new Proxy({}, { get: () => closed })],
    ['a proxy that answers nothing', () => new Proxy({}, { get: closed, getPrototypeOf: closed })],
    ['an object whose expiry cannot be read', () => Object.defineProperty({}, 'expiresAt', { get: closed })],
  ])('is refused with 500 where it is %s', async (_case, user) => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    onTestFinished(() => void process.off('unhandledRejection', note));
    next.act = (acting) => acting.success(user());
    for (const route of ['acting', 'either', 'guarded']) {
      expect(await outcomeOf(route)).toEqual([500, 'internal_error', 0]);
    }
    expect(unhandled).toEqual([]);
  });

  it.each(['roles', 'emailVerified'])('is refused with 500 where its %s cannot be read', async (name) => {
    next.validate = () => Object.defineProperty({ userId: 'x' }, name, { get: closed });
    const route = name === 'roles' ? 'roles' : 'verified';
    expect(await outcomeOf(route)).toEqual([500, 'internal_error', 0]);
  });
});

describe('a strategy that decides more than once (ACC-09)', () => {
  it.each<[string, (acting: Acting) => unknown, unknown[]]>([
    ['accepts twice', (acting) => [acting.success(KEY), acting.success(KEY)], [200, undefined, 1]],
    ['accepts, then refuses', (acting) => [acting.success(KEY), acting.fail(401)], [200, undefined, 1]],
    ['accepts, then fails', (acting) => [acting.success(KEY), acting.error(new Error('no'))], [200, undefined, 1]],
    ['accepts, then throws', (acting) => [acting.success(KEY), closed()], [200, undefined, 1]],
    ['accepts, then rejects', async (acting) => [acting.success(KEY), closed()], [200, undefined, 1]],
    ['refuses, then accepts', (acting) => [acting.fail(401), acting.success(KEY)], [401, 'token_missing', 0]],
    ['refuses twice', (acting) => [acting.fail(401), acting.fail(401)], [401, 'token_missing', 0]],
    ['fails, then accepts', (acting) => [acting.error('no'), acting.success(KEY)], [500, 'internal_error', 0]],
    ['passes, then accepts', (acting) => [acting.pass(), acting.success(KEY)], [401, 'token_missing', 0]],
  ])('has decided with the first: it %s', async (_case, act, expected) => {
    next.act = act;
    expect(await outcomeOf('acting')).toEqual(expected);
    handled.users = [];
    expect(await outcomeOf('either')).toEqual(expected);
  });

  it('is refused with 500 where a promise of another realm rejects', async () => {
    next.act = () => runInNewContext(`Promise.reject(new Error('closed'))`) as unknown;
    expect(await outcomeOf('acting')).toEqual([500, 'internal_error', 0]);
  });

  it('leaves the decision to the next one with its first refusal', async () => {
    next.act = (acting) => [acting.fail(401), acting.fail(401), acting.success({ userId: 'x' })];
    expect(await outcomeOf('either', { 'x-api-key': 'right' })).toEqual([200, undefined, 1]);
  });

  it('is named in the log where it fails afterwards', async () => {
    next.act = (acting) => [acting.success(KEY), closed()];
    await outcomeOf('acting');
    const line = app.log().findLast(({ msg }) => msg === 'A Passport strategy failed after it had decided');
    expect(line?.['err']).toMatchObject({ message: 'closed' });
  });
});
