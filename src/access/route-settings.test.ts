import { applyDecorators, Controller, Get, Module, type Type } from '@nestjs/common';
import { DiscoveryModule, NestFactory } from '@nestjs/core';
import { FastifyAdapter, RouteConfig, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  Unlimited,
  CountsAsLogin,
  Authenticated,
  BearerOrBody,
  Public,
  HashesPassword,
} from './route-access.decorators.js';
import { RouteSettingsCheck } from './route-settings.check.js';

/** A controller with one handler, which has these decorators, the lowest first. */
function controllerWith(...decorators: readonly MethodDecorator[]): Type {
  class NotesController {
    read(): object {
      return {};
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(NotesController.prototype, 'read') ?? {};
  applyDecorators(...decorators)(NotesController.prototype, 'read', descriptor);
  Controller('notes')(NotesController);
  return NotesController;
}

/** Starts an application and returns the config of its route; rejects where the boot fails. */
async function configOfRoute(controller: Type): Promise<Record<string, unknown>> {
  class NotesModule {}
  Module({ imports: [DiscoveryModule], controllers: [controller], providers: [RouteSettingsCheck] })(NotesModule);
  const app = await NestFactory.create<NestFastifyApplication>(NotesModule, new FastifyAdapter(), { logger: false });
  onTestFinished(() => app.close());
  const check = app.get(RouteSettingsCheck);
  check.collectRoutes(app.getHttpAdapter().getInstance());
  let config: object = {};
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRoute', (route) => void (config = route.config ?? {}));
  await app.init();
  check.requireDeclaredSettings();
  return { ...config };
}

function permutations<Item>(items: readonly Item[]): Item[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, at) => permutations(items.toSpliced(at, 1)).map((rest) => [item].concat(rest)));
}

/** By name, for the titles of tests. */
const DECORATORS: Readonly<Record<string, () => MethodDecorator>> = {
  Get: () => Get(),
  Public,
  HashesPassword,
  CountsAsLogin,
  RouteConfig: () => RouteConfig({ mine: true }),
};
const made = (names: readonly string[]): MethodDecorator[] => names.flatMap((name) => DECORATORS[name]?.() ?? []);
const SETTINGS = { access: 'public', hashes: true, isLogin: true };

describe('the settings of a route', () => {
  it.each(permutations(['Get', 'Public', 'HashesPassword', 'CountsAsLogin']))(
    'are those of all its decorators, in the order %s, %s, %s, %s',
    async (...names) => {
      expect(await configOfRoute(controllerWith(...made(names)))).toMatchObject(SETTINGS);
    },
  );

  it.each(permutations(['Public', 'HashesPassword', 'CountsAsLogin', 'RouteConfig']))(
    'are kept beside a @RouteConfig, or the application does not start, in the order %s, %s, %s, %s',
    async (...names) => {
      const starting = configOfRoute(controllerWith(Get(), ...made(names)));
      if (names.at(-1) === 'RouteConfig')
        await expect(starting).rejects.toThrow(/^NotesController\.read has a @RouteConfig/);
      else expect(await starting).toMatchObject({ ...SETTINGS, mine: true });
    },
  );

  it.each<[string, readonly MethodDecorator[]]>([
    ['that makes the route public', [RouteConfig({ access: 'public' })]],
    ['that sets another strategy', [RouteConfig({ strategies: ['api-key'] })]],
    ['that makes a route with another strategy public', [Authenticated('api-key'), RouteConfig({ access: 'public' })]],
    ['that removes only the limit', [Public(), RouteConfig({ access: 'public', isUnlimited: true }), HashesPassword()]],
    ['that is above and sets less', [Public(), Unlimited(), RouteConfig({ access: 'public' })]],
  ])('cannot be replaced by a @RouteConfig %s', async (_case, decorators) => {
    await expect(configOfRoute(controllerWith(Get(), ...decorators))).rejects.toThrow(
      /^NotesController\.read has a @RouteConfig/,
    );
  });

  it.each<[string, () => MethodDecorator[]]>([
    ['@Public() and @Authenticated()', () => [Public(), Authenticated('api-key')]],
    ['@Public() and @BearerOrBody()', () => [BearerOrBody(), Public()]],
    ['@BearerOrBody() and @Authenticated()', () => [BearerOrBody(), Authenticated('api-key')]],
    ['two kinds of @Authenticated()', () => [Authenticated('a'), Authenticated('b')]],
  ])('have one rule of access: never %s', async (_case, decorators) => {
    await expect(configOfRoute(controllerWith(Get(), ...decorators()))).rejects.toThrow(
      /^NotesController\.read has more than one/,
    );
  });

  it('are declared only on handlers of routes', async () => {
    await expect(configOfRoute(controllerWith(Public()))).rejects.toThrow(
      'NotesController.read has decorators whose settings its route does not have.',
    );
  });
});
