import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import type { FastifyInstance, RouteOptions } from 'fastify';
import { bodyConfigOf, bodyFlaw } from '../http/route-body.js';
import { hasEnded } from './ended.decorator.js';
import { controllerSharing, isRepeatedOnClass, lossOf } from './lost-settings.js';
import { isRole, RULES } from './route-rules.js';
import type { RouteSetting } from './declared-setting.js';
import {
  bodySchemaOn,
  configOn,
  declaredIn,
  declaredOn,
  differences,
  isEventStream,
  isHandler,
  restoreDeclared,
} from './route-settings.js';

interface Handler {
  /** For example `UsersController.getUser`. */
  readonly name: string;
  readonly method: unknown;
  /** Of its controller. */
  readonly prototype: object;
  readonly key: string;
}

/**
 * Checks at boot that each route has the settings that the decorators of its handler declare, so that no
 * framework loses one of them.
 */
@Injectable()
export class RouteSettingsCheck {
  readonly #routes: RouteOptions[] = [];

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /**
   * Collects the routes that are registered from now on, after it has added to each handler's `@RouteConfig` what
   * decorators below it declare.
   */
  collectRoutes(fastify: FastifyInstance): void {
    for (const { method } of this.#handlers()) restoreDeclared(method);
    fastify.addHook('onRoute', (route) => void this.#routes.push(route));
  }

  /**
   * @throws {Error} naming the first handler whose route has other settings or whose decorators contradict each
   * other or are lost, whose body may be larger than the route reads or
   * late although strangers call it, or whose event stream does not ask when it must end, or the first route, also of a plugin, whose `config` has an `access`, `strategies`, `roles` or `emailVerified` that the
   * authentication hook does not know
   */
  requireDeclaredSettings(): void {
    for (const { name, method, prototype, key } of this.#handlers()) {
      const methodOf = { prototype, name: key, declared: declaredOn(method), isHandler: isHandler(method) };
      const flaw =
        lossOf(methodOf) ?? flawOfClass(prototype) ?? flawOfSharing(method, prototype) ?? this.#flawOf(method);
      if (flaw !== undefined) throw new Error(`${name} ${flaw}`);
    }
    for (const { method, url, config, schema, bodyLimit } of this.#routes) {
      const body = { ...bodyConfigOf(config), ...(bodyLimit !== undefined && { bodyLimit }) };
      const flaw = flawOfAccess(config) ?? flawOfTime(config) ?? bodyFlaw(schema?.body, body);
      if (flaw !== undefined) throw new Error(`${[method].flat().join(', ')} ${url} ${flaw}`);
    }
  }

  #handlers(): Handler[] {
    return this.discovery.getControllers().flatMap(({ instance }) => {
      const prototype = Object.getPrototypeOf(instance) as Record<string, unknown> & { constructor: { name: string } };
      const names = this.scanner.getAllMethodNames(prototype);
      return names.map((key) => ({
        name: `${prototype.constructor.name}.${key}`,
        method: prototype[key],
        prototype,
        key,
      }));
    });
  }

  #flawOf(method: unknown): string | undefined {
    if (isEventStream(method) && !hasEnded(method)) {
      return 'has @Sse() and no @Ended(): its stream would go on after a logout, and hold up a shutdown. Add the parameter "@Ended() ended: AbortSignal", and end the stream when that aborts.';
    }
    const declared = declaredOn(method);
    if (new Set(declared.filter(isOfAccess).map((setting) => JSON.stringify(setting))).size > 1) {
      return 'has more than one of @Public(), @BearerOrBody() and @Authenticated(): a route has one.';
    }
    const rules = declared.filter((setting) => 'roles' in setting);
    if (rules.length > 1)
      return 'has more than one @Roles(): one takes all the roles, of which the caller must have any.';
    const isRuled = declared.some((setting) => RULES.some((rule) => rule in setting));
    if (isRuled && declared.some((setting) => 'access' in setting)) {
      return 'has @Roles() or @EmailVerified(), on itself or its controller, and @Public() or @BearerOrBody(), which lets any caller pass.';
    }
    const [different] = differences(configOn(method), declared);
    if (different !== undefined) {
      return `has a @RouteConfig() that changes "${different}", which decorators declare: leave that out of it.`;
    }
    const flawOfBody = flawOfTime(configOn(method)) ?? bodyFlaw(bodySchemaOn(method), bodyConfigOf(configOn(method)));
    if (flawOfBody !== undefined || declared.length === 0) return flawOfBody;
    const configs = this.#routes.map(({ config }) => config).filter((config) => declaredIn(config) === declared);
    const haveThem = configs.every((config) => differences(config as RouteSetting, declared).length === 0);
    return configs.length > 0 && haveThem ? undefined : 'has decorators whose settings its route does not have.';
  }
}

function flawOfSharing(method: unknown, prototype: object): string | undefined {
  const other = controllerSharing(method, prototype);
  return other === undefined
    ? undefined
    : `is the same function as a handler of ${other}, and what decorators declare there would hold for both: give each class a function of its own.`;
}

function flawOfClass(prototype: object): string | undefined {
  return isRepeatedOnClass('roles', prototype)
    ? 'is of a class that has more than one @Roles(): one takes all the roles, of which the caller must have any.'
    : undefined;
}

function isOfAccess(setting: RouteSetting): boolean {
  return 'access' in setting || 'strategies' in setting;
}

/** Before its body has arrived nobody knows who calls such a route, so that strangers would have the time, too. */
function flawOfTime(config: unknown): string | undefined {
  const { access } = (config ?? {}) as { access?: unknown };
  const { bodySeconds } = bodyConfigOf(config);
  if (access === undefined || bodySeconds === undefined) return undefined;
  return `gives its body ${bodySeconds} seconds, and lets strangers call it by @Public() or @BearerOrBody(): they would hold a connection for that long. Leave out the seconds, or raise REQUEST_TIMEOUT_SECONDS for all routes.`;
}

function flawOfAccess(config: unknown): string | undefined {
  const { access, strategies, roles, emailVerified } = (config ?? {}) as Readonly<Record<string, unknown>>;
  if (roles !== undefined && !(Array.isArray(roles) && roles.length > 0 && roles.every(isRole))) {
    return 'has roles in its config that are no list of roles.';
  }
  if (![undefined, true].includes(emailVerified as undefined))
    return 'has an emailVerified in its config that is not true.';
  if (access !== undefined && roles !== undefined) return 'has both access and roles in its config.';
  if (access !== undefined && emailVerified !== undefined) return 'has both access and emailVerified in its config.';
  if (![undefined, 'public', 'bearer-or-body'].includes(access as undefined)) {
    return `has the access ${JSON.stringify(access)} in its config: use access: 'public', access: 'bearer-or-body', strategies: ['NAME', …] for Passport strategies, or none of them for an access token.`;
  }
  if (strategies === undefined) return undefined;
  if (access !== undefined) return 'has both access and strategies in its config: a route has one.';
  const areNames =
    Array.isArray(strategies) && strategies.length > 0 && strategies.every((name) => typeof name === 'string');
  return areNames ? undefined : 'has strategies in its config that are no list of names.';
}
