import { Controller, Get, Injectable, Module, UseGuards, type Type } from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
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

  it('must have a name', () => {
    expect(() => passport.use({ authenticate: () => undefined } as unknown as Strategy)).toThrow('must have a name');
  });
});
