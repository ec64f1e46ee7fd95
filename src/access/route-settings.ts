import { SetMetadata } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';

/** What one decorator says of a route. */
export type RouteSetting = Readonly<Record<string, unknown>>;

const DECLARED = Symbol('declared route settings');

/** Where `@RouteConfig` keeps what it was given. */
const { KEY: ROUTE_CONFIG } = RouteConfig({});

/** The names of all settings that decorators of ours have. */
const names = new Set(['access', 'strategies']);

/**
 * Adds to the route's `config`. What each decorator says is kept under a key of our own; `@RouteConfig`, which replaces what was said
 * before, gets the sum, with what a `@RouteConfig` below has said. One above would replace it all: `RouteSettingsCheck` finds that at boot.
 */
export function routeConfig(added: RouteSetting): MethodDecorator {
  for (const name of Object.keys(added)) names.add(name);
  return (target, name, descriptor) => {
    const declared = [...declaredOn(descriptor.value), added];
    SetMetadata(DECLARED, declared)(target, name, descriptor);
    const config: object = Object.assign({}, configOn(descriptor.value), ...declared, { [DECLARED]: declared });
    RouteConfig(config)(target, name, descriptor);
  };
}

/** What decorators of ours say of a handler, one by one. */
export function declaredOn(handler: unknown): readonly RouteSetting[] {
  return (metadataOf(handler, DECLARED) as readonly RouteSetting[] | undefined) ?? [];
}

/** What the route of a handler is to have as its `config`. */
export function configOn(handler: unknown): RouteSetting {
  return (metadataOf(handler, ROUTE_CONFIG) as RouteSetting | undefined) ?? {};
}

/** What decorators of ours say of the handler that a route with this config has. */
export function declaredIn(config: unknown): readonly RouteSetting[] | undefined {
  return (config as { readonly [DECLARED]?: readonly RouteSetting[] } | undefined)?.[DECLARED];
}

/** The names of the settings in which a config differs from what was declared. */
export function differences(config: RouteSetting, declared: readonly RouteSetting[]): string[] {
  const sum: RouteSetting = Object.assign({}, ...declared);
  return [...names].filter((name) => JSON.stringify(config[name]) !== JSON.stringify(sum[name]));
}

function metadataOf(handler: unknown, key: string | symbol): unknown {
  return typeof handler === 'function' ? Reflect.getMetadata(key, handler) : undefined;
}
