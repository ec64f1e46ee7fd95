import { applyDecorators, Controller, Get, Module, Post, type Type } from '@nestjs/common';
import { DiscoveryModule, NestFactory } from '@nestjs/core';
import { FastifyAdapter, RouteConfig, RouteSchema, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Type as Schema } from 'typebox';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RateLimit } from './rate-limit.decorator.js';
import * as accessDecorators from './route-access.decorators.js';
import { RouteSettingsCheck } from './route-settings.check.js';
import { configOn, declaredOn, differences, restoreDeclared } from './route-settings.js';

const { Authenticated, BearerOrBody, BodyLimit, CountsAsLogin, HashesPassword, Public } = accessDecorators;

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

const sortedText = (config: object): string =>
  JSON.stringify(Object.entries(config).toSorted(([a], [b]) => a.localeCompare(b)));

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
    'are kept beside a @RouteConfig, in the order %s, %s, %s, %s',
    async (...names) => {
      expect(await configOfRoute(controllerWith(Get(), ...made(names)))).toMatchObject({ ...SETTINGS, mine: true });
    },
  );

  const LIMIT = { name: 'notes', quota: 1, seconds: 1, by: 'user' } as const;
  const OTHER_LIMIT = { name: 'more-notes', quota: 1, seconds: 1, by: () => 'all' } as const;
  /** Every decorator that adds to a route's config; of those that say who may call, a route has one. */
  const WHO: Readonly<Record<string, [MethodDecorator, object]>> = {
    Public: [Public(), { access: 'public' }],
    BearerOrBody: [BearerOrBody(), { access: 'bearer-or-body' }],
    Authenticated: [Authenticated('a', 'b'), { strategies: ['a', 'b'] }],
  };
  const ADDING_UP: readonly [MethodDecorator, object][] = [
    [RateLimit(LIMIT), {}],
    [RateLimit(OTHER_LIMIT), {}],
    [RouteConfig({ mine: true }), { mine: true }],
  ];
  /** Those that set one value; the arguments they are called with, and what they set. */
  const PLAIN: Readonly<Record<string, [args: unknown[], setting: object]>> = {
    HashesPassword: [[], { hashes: true }],
    CountsAsLogin: [[], { isLogin: true }],
    Unlimited: [[], { isUnlimited: true }],
    Roles: [['admin'], { roles: ['admin'] }],
    EmailVerified: [[], { emailVerified: true }],
    BodyLimit: [[100, { seconds: 60 }], { bodyLimit: 100, bodySeconds: 60 }],
  };
  const PARAMETERS = ['CurrentUser', 'OptionalUser'];
  const all = accessDecorators as unknown as Readonly<Record<string, (...args: unknown[]) => MethodDecorator>>;
  const plain = Object.entries(PLAIN).flatMap(([name, [args, setting]]): [MethodDecorator, object][] => {
    const decorator = all[name]?.(...args);
    return decorator === undefined ? [] : [[decorator, setting]];
  });
  const pairs = plain.flatMap((one, at) => plain.slice(at + 1).map((other) => [one, other]));

  it('are tried with every decorator there is', () => {
    const known = new Set([...Object.keys(WHO), ...Object.keys(PLAIN), ...PARAMETERS]);
    expect(Object.keys(accessDecorators).filter((name) => !known.has(name))).toEqual([]);
  });

  it.each(Object.entries(WHO))('add up in every order of decorators with @%s(), any two plain ones', (_, who) => {
    for (const pair of pairs) {
      const settings = [who, ...ADDING_UP, ...pair];
      const expected = sortedText(Object.assign({}, ...settings.map(([, setting]) => setting)));
      // A comparison by `expect` for each of the orders would take seconds.
      const wrong = permutations(settings).filter((order) => {
        const { read: handler } = { read(this: void): void {} };
        for (const [decorate] of order) decorate({}, 'read', { value: handler });
        restoreDeclared(handler);
        const { rateLimits, ...config } = configOn(handler) as { rateLimits: readonly unknown[] };
        const hasLimits = rateLimits.length === 2 && [LIMIT, OTHER_LIMIT].every((limit) => rateLimits.includes(limit));
        const isSame = differences(configOn(handler), declaredOn(handler)).length === 0;
        return !hasLimits || !isSame || sortedText(config) !== expected;
      });
      expect(wrong).toEqual([]);
    }
  });

  it.each<[string, readonly MethodDecorator[]]>([
    ['that makes the route public', [RouteConfig({ access: 'public' })]],
    ['that sets another strategy', [RouteConfig({ strategies: ['api-key'] })]],
    ['that makes a route with another strategy public', [Authenticated('api-key'), RouteConfig({ access: 'public' })]],
    ['that removes only the limit', [Public(), RouteConfig({ access: 'public', isUnlimited: true }), HashesPassword()]],
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

const closed = { additionalProperties: false };
const withText = (maxLength: number): MethodDecorator =>
  RouteSchema({ body: Schema.Object({ text: Schema.String({ maxLength }) }, closed) });

describe('the body of a route', () => {
  it('has the limit and the time of its @BodyLimit, beside other decorators', async () => {
    const decorators = [
      Post(),
      Authenticated('a'),
      BodyLimit(100_000, { seconds: 300 }),
      HashesPassword(),
      withText(5000),
    ];
    for (const order of [decorators, decorators.toReversed()])
      expect(await configOfRoute(controllerWith(...order))).toMatchObject({
        strategies: ['a'],
        bodyLimit: 100_000,
        bodySeconds: 300,
        hashes: true,
      });
  });

  it.each<[string, () => MethodDecorator[], string]>([
    [
      'allows more than the usual limit',
      () => [withText(5000)],
      'has a body schema that allows 61106 bytes, every character escaped, but reads 16384: lower the bounds of the schema, or give it @BodyLimit(61106).',
    ],
    [
      'allows more than its @BodyLimit()',
      () => [BodyLimit(20_000), withText(5000)],
      'has a body schema that allows 61106 bytes, every character escaped, but reads 20000: lower the bounds of the schema, or give it @BodyLimit(61106).',
    ],
    [
      'has a limit of 0',
      () => [BodyLimit(0)],
      'has a body limit of 0: it must be an integer from 1 to 1073741824 (bytes).',
    ],
    [
      'has 90 minutes',
      () => [BodyLimit(20_000, { seconds: 5400 })],
      'has 5400 seconds for its body: they must be an integer from 1 to 3600.',
    ],
    [
      'has time that strangers would have',
      () => [Public(), BodyLimit(20_000, { seconds: 300 })],
      'gives its body 300 seconds, and lets strangers call it by @Public() or @BearerOrBody(): they would hold a connection for that long.',
    ],
    [
      'has time for everybody who claims to have a credential',
      () => [BodyLimit(20_000, { seconds: 300 }), BearerOrBody()],
      'gives its body 300 seconds, and lets strangers call it',
    ],
    ...['Application/JSON', 'application/json; charset=utf-8', ' application/json', 'application/*', 'json', ''].map(
      (type): [string, () => MethodDecorator[], string] => [
        `is of the type ${JSON.stringify(type)}`,
        () => [RouteSchema({ body: { content: { [type]: { schema: Schema.Object({}, closed) } } } })],
        `has the media type ${JSON.stringify(type)} in the content of its body: write it in small letters and without parameters, such as "application/json".`,
      ],
    ),
  ])('is refused at boot if it %s', async (_case, decorators, sentence) => {
    await expect(configOfRoute(controllerWith(Post(), ...decorators()))).rejects.toThrow(
      `NotesController.read ${sentence}`,
    );
  });

  it('may have a schema without bounds, of which the usual limit is read', async () => {
    const unbounded = RouteSchema({ body: Schema.Object({ text: Schema.String() }, closed) });
    await expect(configOfRoute(controllerWith(Post(), unbounded))).resolves.toBeDefined();
    await expect(configOfRoute(controllerWith(Post(), BodyLimit(61_106), withText(5000)))).resolves.toBeDefined();
  });
});
