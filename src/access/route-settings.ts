import { Get, SetMetadata, Sse } from '@nestjs/common';
import { RouteConfig, RouteSchema } from '@nestjs/platform-fastify';
import { recordOnController, recordOnMethod } from './lost-settings.js';
import type { RouteSetting } from './declared-setting.js';
import { RULES } from './route-rules.js';

const DECLARED = Symbol('declared route settings');

/** The metadata keys of `@RouteConfig` and `@RouteSchema`. */
const { KEY: ROUTE_CONFIG } = RouteConfig({});
const { KEY: ROUTE_SCHEMA } = RouteSchema({});

/** The names of all settings that our decorators declare. */
const names = new Set(['access', 'strategies', ...RULES]);

/**
 * Adds a setting to the route's `config`. `@RouteConfig` replaces the config of those below it, so each decorator also
 * stores its setting under a key of our own, and sets the config to all of them together, with that of a `@RouteConfig`
 * below. A `@RouteConfig` above replaces them all: {@link restoreDeclared} adds them again at boot.
 */
export function routeConfig(added: RouteSetting): MethodDecorator {
  for (const name of Object.keys(added)) names.add(name);
  return (target, name, descriptor: PropertyDescriptor | undefined) => {
    if (typeof descriptor?.value !== 'function') {
      const { name: owner } = typeof target === 'function' ? target : target.constructor;
      throw new TypeError(
        `${name === undefined ? owner : `${owner}.${String(name)}`} is no method, and has a decorator of Gatehouse that is for handlers.`,
      );
    }
    recordOnMethod(target, name, descriptor.value as object, added);
    const declared = [...declaredOn(descriptor.value), added];
    SetMetadata(DECLARED, declared)(target, name, descriptor);
    const config: object = Object.assign({}, configOn(descriptor.value), ...declared, { [DECLARED]: declared });
    RouteConfig(config)(target, name, descriptor);
  };
}

/**
 * Adds what our decorators declare on a handler to a `@RouteConfig` above them; before routes are registered. A value of
 * that `@RouteConfig` which differs stays, for `RouteSettingsCheck` to refuse.
 */
export function restoreDeclared(handler: unknown): void {
  const declared = declaredOn(handler);
  const config = configOn(handler);
  if (declared.length === 0 || declaredIn(config) === declared) return;
  const sum: object = Object.assign({}, ...declared, config, { [DECLARED]: declared });
  RouteConfig(sum)({}, 'handler', { value: handler });
}

/**
 * Adds a setting to the `config` of each handler of a controller that does not declare it itself.
 * @throws {Error} for a handler that the controller inherits: others may have it, too
 */
export function controllerConfig(added: RouteSetting): ClassDecorator {
  const setting = routeConfig(added);
  return ({ name: controller, prototype }) => {
    recordOnController(prototype as object, added);
    for (let at = prototype as object | null; at !== null && at !== Object.prototype; at = Reflect.getPrototypeOf(at)) {
      for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
        if (!isHandler(descriptor.value)) continue;
        if (Object.keys(added).every((key) => declaredOn(descriptor.value).some((each) => key in each))) continue;
        if (at !== prototype) {
          throw new Error(
            `${controller} inherits ${name}(), so its decorator does not hold there: decorate ${name}() itself.`,
          );
        }
        setting(prototype as object, name, descriptor);
      }
    }
  };
}

/** The metadata keys of `@Get()`, which the decorators of all methods have. */
const HANDLER_KEYS = keysSetBy(Get());
const STREAM_KEYS = keysSetBy(Sse()).filter((key) => !HANDLER_KEYS.includes(key));

/** Whether a method has a decorator such as `@Get()`. */
export function isHandler(method: unknown): boolean {
  return typeof method === 'function' && HANDLER_KEYS.every((key) => Reflect.hasMetadata(key, method));
}

/** Whether the handler has `@Sse()`. */
export function isEventStream(handler: unknown): boolean {
  return typeof handler === 'function' && STREAM_KEYS.every((key) => Reflect.hasMetadata(key, handler));
}

function keysSetBy(decorator: MethodDecorator): readonly unknown[] {
  const { example } = { example(this: void): void {} };
  decorator({}, 'example', { value: example });
  return Reflect.getMetadataKeys(example);
}

/** The settings that our decorators declare on a handler, one by one. */
export function declaredOn(handler: unknown): readonly RouteSetting[] {
  return (metadataOf(handler, DECLARED) as readonly RouteSetting[] | undefined) ?? [];
}

/** The `config` that the route of a handler is to have. */
export function configOn(handler: unknown): RouteSetting {
  return (metadataOf(handler, ROUTE_CONFIG) as RouteSetting | undefined) ?? {};
}

/** The schema of the body that the route of a handler is to have. */
export function bodySchemaOn(handler: unknown): unknown {
  return (metadataOf(handler, ROUTE_SCHEMA) as { readonly body?: unknown } | undefined)?.body;
}

/** The settings that our decorators declare on the handler of a route with this config. */
export function declaredIn(config: unknown): readonly RouteSetting[] | undefined {
  return (config as { readonly [DECLARED]?: readonly RouteSetting[] } | undefined)?.[DECLARED];
}

/** The names of the settings in which a config differs from those declared. */
export function differences(config: RouteSetting, declared: readonly RouteSetting[]): string[] {
  const sum: RouteSetting = Object.assign({}, ...declared);
  return [...names].filter((name) => JSON.stringify(config[name]) !== JSON.stringify(sum[name]));
}

function metadataOf(handler: unknown, key: string | symbol): unknown {
  return typeof handler === 'function' ? Reflect.getMetadata(key, handler) : undefined;
}
