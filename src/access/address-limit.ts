import { Inject, Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../config/config.js';
import { clientOf } from '../rate-limits/limit-keys.js';
import { REQUEST_ADDRESS } from '../rate-limits/limit-policies.js';
import { LimitRefusals } from '../rate-limits/limit-refusals.js';
import { tooManyAttempts } from '../rate-limits/rate-limits.problems.js';
import type { Problem, ProblemFactory } from '../problems/problem.js';
import type { CountedRequest } from '../http/request-rate-limit.js';
import { LoginOutcomes } from './login-outcomes.js';
import { routeConfig } from './route-settings.js';

/** So many addresses are counted at once, 230 bytes each; beyond them the one that was quiet for longest is forgotten. */
export const MOST_ADDRESSES = 50_000;

type Count = ReturnType<FastifyInstance['createRateLimit']>;

/** The part of a Fastify route's `config` that the limit reads. */
interface ExemptRoute {
  readonly isUnlimited?: true;
}

const isExempt = (config: unknown): boolean => (config as ExemptRoute | undefined)?.isUnlimited === true;

/** Lets any address ask as often as it likes; for probes. */
export const Unlimited = (): MethodDecorator => routeConfig({ isUnlimited: true } satisfies ExemptRoute);

/** How many requests of whatever kind an address may send in a minute: each node counts for itself, in memory. Off by default. */
@Injectable()
export class AddressLimit {
  readonly #quota: number;
  readonly #isOn: boolean;
  #count: Count | undefined;

  constructor(
    @Inject(CONFIG) { addressRequestsPerMinute, rateLimits }: Config,
    private readonly refusals: LimitRefusals,
    private readonly logins: LoginOutcomes,
  ) {
    this.#quota = addressRequestsPerMinute;
    this.#isOn = addressRequestsPerMinute > 0 && rateLimits !== 'off';
  }

  /** What a route with this config is refused with. */
  problemsOfRoute(config: unknown): readonly ProblemFactory[] {
    return this.#isOn && !isExempt(config) ? [tooManyAttempts] : [];
  }

  /** Prepares the count, if it is asked for. */
  async prepareCounter(fastify: FastifyInstance, mostAddresses = MOST_ADDRESSES): Promise<void> {
    if (!this.#isOn) return;
    // Loaded where it is used, so that nobody else's start waits for it.
    const { fastifyRateLimit } = await import('@fastify/rate-limit');
    // The plugin's own hook would come after the authentication hook, and know nothing of requests that no hook sees.
    await fastify.register(fastifyRateLimit, {
      global: false,
      max: this.#quota,
      timeWindow: REQUEST_ADDRESS.seconds * 1000,
      cache: mostAddresses,
      keyGenerator: ({ ip }) => clientOf(ip),
    });
    this.#count = fastify.createRateLimit();
  }

  /** Counts a request, whatever becomes of it, and says why it is refused; undefined where it is not counted. */
  countRequest(request: CountedRequest): Promise<Problem | undefined> | undefined {
    if (this.#count === undefined) return undefined;
    const { ip, routeOptions } = request;
    return isExempt(routeOptions?.config) ? undefined : this.#limitProblem(ip, routeOptions?.config, this.#count);
  }

  async #limitProblem(ip: string, config: unknown, count: Count): Promise<Problem | undefined> {
    // All that it reads, which a test holds: of a request that could not be parsed there is no more, and the key is the address.
    const counted = await count({ ip, routeOptions: {} } as FastifyRequest);
    if (counted.isAllowed || !counted.isExceeded) return undefined;
    const policy = { ...REQUEST_ADDRESS, quota: this.#quota };
    const seconds = counted.ttlInSeconds;
    const problem = this.refusals.countRefusal({ name: policy.name, policy, seconds, retrySeconds: seconds });
    if (problem !== undefined) this.logins.countRefusedLogin(config, problem);
    return problem;
  }
}
