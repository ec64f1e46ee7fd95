import { Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import passport, { type Strategy, type StrategyCreatedStatic } from 'passport';
import type { Problem } from '../problems/problem.js';
import { AccessTokenVerifier } from './access-token.verifier.js';
import { unsharedProblem } from './access.problems.js';
import type { Principal } from './principal.js';
import type { RouteAccess } from './route-access.decorators.js';
import { errorOfStrategy, flawOfStrategyUser } from './strategy-errors.js';

declare module 'fastify' {
  interface FastifyInstance {
    readonly passportStrategies: StrategiesOfApplication;
  }
}

/** What passport's strategies need of the application that a request is of. */
interface StrategiesOfApplication {
  readonly byName: ReadonlyMap<string, Strategy>;
  /** Why what a strategy has returned is not to be `request.user`, if so. */
  errorOfUser(user: unknown): Error | undefined;
}

/** What passport adds to a strategy for one request. */
const ACTIONS = ['success', 'fail', 'redirect', 'pass', 'error'] as const;

/** The name that each strategy of the process was registered by. */
const nameOf = new WeakMap<object, string>();
/** The strategies that are providers of an application of ours. */
const owned = new WeakSet<object>();
/** The strategy of each name that was registered last. */
const latestOf = new Map<string, Strategy>();

const register = passport.use.bind(passport) as (name: string | undefined, strategy: Strategy) => typeof passport;

/** Registers each name once: passport then calls a strategy that looks for the one of the request's application. */
passport.use = (...given: readonly [Strategy] | readonly [string, Strategy]): typeof passport => {
  const strategy = given[1] ?? (given[0] as Strategy);
  const name = typeof given[0] === 'string' ? given[0] : strategy.name;
  if (name === undefined) return register(name, strategy);
  nameOf.set(strategy, name);
  latestOf.set(name, strategy);
  return register(name, { name, authenticate: authenticateByApplication });
};

function authenticateByApplication(this: Strategy & StrategyCreatedStatic, request: unknown, options: unknown): void {
  const { name = '' } = this;
  const { server, log } = request as Partial<FastifyRequest>;
  const strategy = strategyFor(name, server?.passportStrategies.byName);
  if (strategy === undefined) {
    this.error(new Error(`This application has no Passport strategy "${name}"`));
    return;
  }
  const decision = new Decision(this, (user) => server?.passportStrategies.errorOfUser(user));
  const fail = (thrown: unknown): void => {
    const error = errorOfStrategy(thrown);
    if (decision.isMade) log?.error({ err: error }, 'A Passport strategy failed after it had decided');
    else decision.error(error);
  };
  // As passport does it with the strategy that it calls.
  const acting = Object.create(strategy) as { authenticate(request: unknown, options: unknown): unknown };
  for (const action of ACTIONS) Object.assign(acting, { [action]: decision[action] });
  try {
    const returned = acting.authenticate(request, options);
    // Also a promise of a library or of another realm.
    if (returned !== undefined) Promise.resolve(returned).catch(fail);
  } catch (error) {
    fail(error);
  }
}

/**
 * What a strategy says of a request, by passport's actions; the first one counts. One that refuses and goes on to accept, for
 * want of a `return`, has refused.
 */
class Decision implements StrategyCreatedStatic {
  #isMade = false;

  constructor(
    private readonly actions: StrategyCreatedStatic,
    private readonly errorOfUser: (user: unknown) => Error | undefined,
  ) {}

  get isMade(): boolean {
    return this.#isMade;
  }

  readonly success = (user: Express.User, info?: object): void =>
    this.#decide(() => {
      const error = user ? this.errorOfUser(user) : undefined;
      if (error === undefined) this.actions.success(user, info);
      else this.actions.error(error);
    });

  readonly error = (thrown: unknown): void => this.#decide(() => this.actions.error(errorOfStrategy(thrown)));
  readonly fail: StrategyCreatedStatic['fail'] = (...why) => this.#decide(() => this.actions.fail(...why));
  readonly redirect: StrategyCreatedStatic['redirect'] = (...to) => this.#decide(() => this.actions.redirect(...to));
  readonly pass = (): void => this.#decide(() => this.actions.pass());

  /** An action that throws has decided nothing, such as a redirect, which passport knows of Express alone. */
  #decide(act: () => void): void {
    if (this.#isMade) return;
    this.#isMade = true;
    try {
      act();
    } catch (error) {
      this.#isMade = false;
      throw error;
    }
  }
}

/**
 * The strategy of the application, or one that belongs to none of ours.
 * @param strategies undefined for a request that is not of an application of ours
 */
function strategyFor(name: string, strategies: ReadonlyMap<string, Strategy> | undefined): Strategy | undefined {
  const latest = latestOf.get(name);
  if (strategies === undefined) return latest;
  return strategies.get(name) ?? (latest !== undefined && owned.has(latest) ? undefined : latest);
}

/** What a strategy may say about its credential, as a security scheme of OpenAPI 3.1. */
export interface DescribedStrategy {
  readonly openApiScheme?: Readonly<Record<string, unknown>>;
}

type StrategyProvider = ReturnType<DiscoveryService['getProviders']>[number];

function sameName(name: string, ...providers: readonly StrategyProvider[]): string {
  const [one, other] = providers.map(({ instance, host }) => `${classOf(instance)} of ${host?.name}`);
  return `${one} and ${other} are Passport strategies of the same name, "${name}": give one of them another, by extends PassportStrategy(Strategy, 'NAME').`;
}

function classOf(instance: unknown): string {
  return (instance as object).constructor.name;
}

/**
 * The Passport strategies among the providers of this application. Passport registers strategies by name for the whole
 * process, so that with two applications the one that started last would serve both.
 */
@Injectable()
export class ApplicationStrategies {
  readonly #strategies = new Map<string, Strategy>();
  /** The first route that names each strategy. */
  readonly #routes = new Map<string, string>();

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly verifier: AccessTokenVerifier,
  ) {}

  /**
   * Call it once all providers exist, before routes are registered.
   * @throws {Error} for two strategies of one name: the second would decide in place of the first
   */
  collectStrategies(fastify: FastifyInstance): void {
    const providers = new Map<string, StrategyProvider>();
    for (const provider of this.discovery.getProviders()) {
      const strategy: unknown = provider.instance;
      const name = strategy instanceof Object ? nameOf.get(strategy) : undefined;
      if (name === undefined) continue;
      const other = providers.get(name);
      // A provider may be known by two tokens.
      if (other !== undefined && other.instance !== strategy) throw new Error(sameName(name, other, provider));
      providers.set(name, provider);
      this.#strategies.set(name, strategy as Strategy);
      owned.add(strategy as object);
    }
    fastify.decorate('passportStrategies', {
      byName: this.#strategies,
      errorOfUser: (user: unknown) => this.#errorOfUser(user),
    });
    fastify.addHook('onRoute', (route) => this.#noteNames(route));
  }

  /** @throws {Error} for the first route that names a strategy which this application does not have */
  requireNamedStrategies(): void {
    for (const [name, route] of this.#routes) {
      if (strategyFor(name, this.#strategies) !== undefined) continue;
      throw new Error(`${route} names the Passport strategy "${name}": add it to the providers of a module.`);
    }
  }

  /** How the OpenAPI document describes the credential of a strategy; undefined for an access token. */
  securitySchemeOf(name: string): Readonly<Record<string, unknown>> | undefined {
    if (name === 'jwt') return undefined;
    const { openApiScheme } = (this.#strategies.get(name) ?? {}) as DescribedStrategy;
    const description = `What the Passport strategy \`${name}\` accepts.`;
    return openApiScheme ?? { type: 'apiKey', in: 'header', name: 'Authorization', description };
  }

  #errorOfUser(user: unknown): Error | undefined {
    try {
      return flawOfStrategyUser(user) ?? this.#problemOfUser(user as Principal);
    } catch (error) {
      return errorOfStrategy(error);
    }
  }

  /** Also asked of a principal that `jwt` has just verified: it tells it from one that a strategy has kept since. */
  #problemOfUser(user: Principal): Problem | undefined {
    const problem = this.verifier.problemOfHeldCredential(this.verifier.holdCredential(user));
    return problem && unsharedProblem(problem);
  }

  #noteNames({ method, url, config }: RouteOptions): void {
    const { strategies } = (config ?? {}) as RouteAccess;
    if (!Array.isArray(strategies)) return;
    for (const name of strategies as readonly string[]) {
      if (!this.#routes.has(name)) this.#routes.set(name, `${[method].flat().join(', ')} ${url}`);
    }
  }
}
