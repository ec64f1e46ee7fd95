import { Controller, Get, Injectable, Module, UseGuards, type Type } from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { Strategy as JwtStrategy } from 'passport-jwt';
import passport, { Strategy } from 'passport';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Authenticated, CurrentUser, Public } from '../../src/access/route-access.decorators.js';
import type { Principal } from '../../src/access/principal.js';
import { afterAllTests, startApp, type TestApp } from '../support/app.js';

const SCHEME = { type: 'apiKey', in: 'header', name: 'x-api-key' };

/** A strategy that accepts one key, for an application. */
function strategyFor(key: string, openApiScheme?: object): Type {
  @Injectable()
  class ApiKeyStrategy extends PassportStrategy(Strategy, 'api-key') {
    readonly openApiScheme = openApiScheme;
    private readonly accepted = key;

    override authenticate(request: unknown): void {
      const isAccepted = (request as FastifyRequest).headers['x-api-key'] === this.accepted;
      if (isAccepted) this.success({ userId: this.accepted });
      else this.fail(401);
    }

    validate(): never {
      throw new Error('unused');
    }
  }
  return ApiKeyStrategy;
}

@Controller('v1/keys')
class KeysController {
  @Get('named')
  @Authenticated('api-key')
  named(@CurrentUser() user: Principal): object {
    return { by: user.userId };
  }

  @Get('guarded')
  @Public()
  @UseGuards(AuthGuard('api-key'))
  guarded(@CurrentUser() user: Principal): object {
    return { by: user.userId };
  }

  @Get('either')
  @Authenticated('jwt', 'api-key')
  either(@CurrentUser() user: Principal): object {
    return { by: user.userId };
  }
}

@Controller('v1/keys')
class GuardedController {
  @Get('guarded')
  @Public()
  @UseGuards(AuthGuard('api-key'))
  guarded(): object {
    return {};
  }
}

function featureOf(controller: Type, ...providers: Type[]): Type {
  class KeysModule {}
  Module({ controllers: [controller], providers })(KeysModule);
  return KeysModule;
}

const onFinished = afterAllTests();
let one: TestApp;
let two: TestApp;
beforeAll(async () => {
  one = await startApp({ features: [featureOf(KeysController, strategyFor('one', SCHEME))] }, onFinished);
  two = await startApp({ features: [featureOf(KeysController, strategyFor('two'))] }, onFinished);
});

const call = async (app: TestApp, route: string, headers: Record<string, string>): Promise<unknown> => {
  const { status, body } = await app.call('GET', `/v1/keys/${route}`, { headers });
  return status === 200 ? body['by'] : status;
};

const documentOf = async (app: TestApp) => {
  const { body } = await app.call('GET', '/openapi.json');
  return body as {
    paths: Record<string, { get: { security: object } }>;
    components: { securitySchemes: Record<string, object> };
  };
};

describe('a Passport strategy of an application', () => {
  it.each(['named', 'guarded', 'either'])('serves its application alone, whichever started last: %s', async (route) => {
    for (const [app, own, foreign] of [
      [one, 'one', 'two'],
      [two, 'two', 'one'],
      [one, 'one', 'two'],
    ] as const) {
      expect(await call(app, route, { 'x-api-key': own })).toBe(own);
      expect(await call(app, route, { 'x-api-key': foreign })).toBe(401);
      expect(await call(app, route, {})).toBe(401);
    }
  });

  it('is tried beside the access token, of the same application', async () => {
    const [mine, theirs] = [await one.signIn(), await two.signIn()];
    expect(await call(one, 'either', { authorization: `Bearer ${mine.token}` })).toBe(mine.userId);
    expect(await call(two, 'either', { authorization: `Bearer ${theirs.token}` })).toBe(theirs.userId);
    expect(await call(one, 'either', { authorization: `Bearer ${theirs.token}` })).toBe(401);
  });

  it('is named by the OpenAPI document, as the strategy describes it', async () => {
    const described = await documentOf(one);
    expect(described.components.securitySchemes).toEqual({ bearer: expect.any(Object), 'api-key': SCHEME });
    expect(described.paths['/v1/keys/named']?.get.security).toEqual([{ 'api-key': [] }]);
    expect(described.paths['/v1/keys/either']?.get.security).toEqual([{ bearer: [] }, { 'api-key': [] }]);
    const plain = await documentOf(two);
    expect(plain.components.securitySchemes['api-key']).toMatchObject({ type: 'apiKey', in: 'header' });
  });

  it('that a route names must exist in the application: another one in the process does not count', async () => {
    await expect(startApp({ features: [featureOf(KeysController)] })).rejects.toThrow(
      'GET /v1/keys/named names the Passport strategy "api-key": add it to the providers of a module.',
    );
  });

  it('of another application does not serve a guard either', async () => {
    const none = await startApp({ features: [featureOf(GuardedController)] });
    expect(await call(none, 'guarded', { 'x-api-key': 'one' })).toBe(500);
    expect(await call(none, 'guarded', { 'x-api-key': 'two' })).toBe(500);
  });

  it.each([
    ['in the past', new Date(Date.now() - 1000), 401, 'token_expired'],
    ['in the future', new Date(Date.now() + 60_000), 200, undefined],
    ['null', null, 200, undefined],
    ['a text', '2100-01-01T00:00:00Z', 500, 'internal_error'],
    ['no time', new Date(Number.NaN), 500, 'internal_error'],
  ])('whose user has an expiresAt that is %s', async (_case, expiresAt, status, code) => {
    @Injectable()
    class ExpiringStrategy extends PassportStrategy(Strategy, 'api-key') {
      override authenticate(): void {
        this.success({ userId: 'one', expiresAt });
      }

      validate(): never {
        throw new Error('unused');
      }
    }
    const app = await startApp({ features: [featureOf(KeysController, ExpiringStrategy)] });
    for (const route of ['named', 'either']) {
      const answer = await app.call('GET', `/v1/keys/${route}`);
      expect([answer.status, answer.body['code']]).toEqual([status, code]);
    }
  });

  it('that was registered by hand belongs to no application and serves those without one of that name', async () => {
    class ByHand extends Strategy {
      override name = 'by-hand';
      override authenticate(this: Strategy & { success: (user: object) => void }): void {
        this.success({ userId: 'hand' });
      }
    }
    passport.use(new ByHand());
    onTestFinished(() => void passport.unuse('by-hand'));
    @Controller('v1/keys')
    class HandController {
      @Get('hand')
      @Authenticated('by-hand')
      hand(@CurrentUser() user: Principal): object {
        return { by: user.userId };
      }
    }
    const app = await startApp({ features: [featureOf(HandController)] });
    expect(await call(app, 'hand', {})).toBe('hand');
  });

  it('may not have the name of another one: the last would decide in place of the first', async () => {
    @Injectable()
    class TutorialStrategy extends PassportStrategy(JwtStrategy) {
      constructor() {
        super({ jwtFromRequest: () => null, secretOrKey: 'a secret of the builder' });
      }

      validate(): object {
        return { userId: 'anybody' };
      }
    }
    await expect(startApp({ features: [featureOf(KeysController, TutorialStrategy)] })).rejects.toThrow(
      /JwtStrategy of AccessModule and TutorialStrategy of KeysModule|TutorialStrategy of KeysModule and JwtStrategy of AccessModule/,
    );
    await expect(startApp({ features: [featureOf(KeysController, TutorialStrategy)] })).rejects.toThrow(
      `are Passport strategies of the same name, "jwt": give one of them another, by extends PassportStrategy(Strategy, 'NAME').`,
    );
    const both = featureOf(KeysController, strategyFor('one'), strategyFor('two'));
    await expect(startApp({ features: [both] })).rejects.toThrow('of the same name, "api-key"');
  });

  it('may be known by two tokens', async () => {
    const strategy = strategyFor('one');
    class AliasedModule {}
    const alias = { provide: 'alias', useExisting: strategy };
    Module({ controllers: [KeysController], providers: [strategy, alias] })(AliasedModule);
    const app = await startApp({ features: [AliasedModule] });
    expect(await call(app, 'named', { 'x-api-key': 'one' })).toBe('one');
  });

  it('must have a name', () => {
    expect(() => passport.use({ authenticate: () => undefined } as unknown as Strategy)).toThrow('must have a name');
  });
});
