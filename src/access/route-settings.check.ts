import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { configOn, declaredIn, declaredOn, differences, type RouteSetting } from './route-settings.js';

interface Handler {
  /** As `UsersController.me`. */
  readonly name: string;
  readonly method: unknown;
}

/** Sees to it at boot that each route has the settings that the decorators of its handler say, whatever a framework makes of metadata. */
@Injectable()
export class RouteSettingsCheck {
  readonly #configs: unknown[] = [];

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /** Notes the routes that are added from now on. */
  watch(fastify: FastifyInstance): void {
    fastify.addHook('onRoute', ({ config }) => void this.#configs.push(config));
  }

  /** @throws {Error} naming the first handler whose route has other settings, or whose decorators contradict each other */
  requireAgreement(): void {
    for (const { name, method } of this.#handlers()) {
      const flaw = this.#flawOf(method);
      if (flaw !== undefined) throw new Error(`${name} ${flaw}`);
    }
  }

  #handlers(): Handler[] {
    return this.discovery.getControllers().flatMap(({ instance }) => {
      const prototype = Object.getPrototypeOf(instance) as Record<string, unknown> & { constructor: { name: string } };
      const names = this.scanner.getAllMethodNames(prototype);
      return names.map((name) => ({ name: `${prototype.constructor.name}.${name}`, method: prototype[name] }));
    });
  }

  #flawOf(method: unknown): string | undefined {
    const declared = declaredOn(method);
    if (new Set(declared.filter(isOfAccess).map((setting) => JSON.stringify(setting))).size > 1) {
      return 'has more than one of @Public(), @BearerOrBody() and @Authenticated(): a route has one.';
    }
    const [different] = differences(configOn(method), declared);
    if (different !== undefined) {
      return `has a @RouteConfig() that changes "${different}", which decorators say: put it below them, without that.`;
    }
    if (declared.length === 0) return undefined;
    const configs = this.#configs.filter((config) => declaredIn(config) === declared);
    const haveThem = configs.every((config) => differences(config as RouteSetting, declared).length === 0);
    return configs.length > 0 && haveThem ? undefined : 'has decorators whose settings its route does not have.';
  }
}

function isOfAccess(setting: RouteSetting): boolean {
  return 'access' in setting || 'strategies' in setting;
}
