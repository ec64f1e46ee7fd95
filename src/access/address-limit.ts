import { Inject, Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../config/config.js';
import { clientOf } from '../rate-limits/limit-keys.js';
import { REQUEST_ADDRESS } from '../rate-limits/limit-policies.js';
import { LimitRefusals } from '../rate-limits/limit-refusals.js';
import { tooManyAttempts } from '../rate-limits/rate-limits.problems.js';
import type { Problem, ProblemFactory } from '../problems/problem.js';
import type { CountedRequest } from '../http/count-request.js';
import { LoginCounter } from './login-counter.js';
import type { ExemptRoute } from './route-access.decorators.js';

/**
 * How many addresses are counted at once, at 230 bytes each. One more displaces the address that
 * has sent nothing for longest.
 */
export const MAX_ADDRESSES = 50_000;

type Count = ReturnType<FastifyInstance['createRateLimit']>;

const isExempt = (config: unknown): boolean => (config as ExemptRoute | undefined)?.isUnlimited === true;

/**
 * Limits the requests of any kind that an address may send in a minute. Each node counts for
 * itself, in memory. Off by default.
 */
@Injectable()
export class AddressLimit {
  readonly #quota: number;
  readonly #isOn: boolean;
  #count: Count | undefined;

  constructor(
    @Inject(CONFIG) { addressRequestsPerMinute, rateLimits }: Config,
    private readonly refusals: LimitRefusals,
    private readonly logins: LoginCounter,
  ) {
    this.#quota = addressRequestsPerMinute;
    this.#isOn = addressRequestsPerMinute > 0 && rateLimits !== 'off';
  }

  /** The problems that this limit adds to a route with this config, for the OpenAPI document. */
  problemsOfRoute(config: unknown): readonly ProblemFactory[] {
    return this.#isOn && !isExempt(config) ? [tooManyAttempts] : [];
  }

  /** Registers the counter, if the limit is on. */
  async prepareCounter(fastify: FastifyInstance, maxAddresses = MAX_ADDRESSES): Promise<void> {
    if (!this.#isOn) return;
    // Imported here, so that the start takes no longer where the limit is off.
    const { fastifyRateLimit } = await import('@fastify/rate-limit');
    // Not with the plugin's own hook: it would run after the authentication hook, and never for
    // requests that reach no hook.
    await fastify.register(fastifyRateLimit, {
      global: false,
      max: this.#quota,
      timeWindow: REQUEST_ADDRESS.seconds * 1000,
      cache: maxAddresses,
      keyGenerator: ({ ip }) => clientOf(ip),
    });
    this.#count = fastify.createRateLimit();
  }

  /**
   * Counts a request, also one that is refused for another reason.
   * @returns the problem to refuse it with, if it is over the limit; undefined at once where it is not counted
   */
  countRequest(request: CountedRequest): Promise<Problem | undefined> | undefined {
    if (this.#count === undefined) return undefined;
    const { ip, routeOptions } = request;
    return isExempt(routeOptions?.config) ? undefined : this.#countAddress(ip, routeOptions?.config, this.#count);
  }

  async #countAddress(ip: string, config: unknown, count: Count): Promise<Problem | undefined> {
    // All that the plugin reads, as a test checks: a request that could not be parsed has no more than this.
    const counted = await count({ ip, routeOptions: {} } as FastifyRequest);
    if (counted.isAllowed || !counted.isExceeded) return undefined;
    const policy = { ...REQUEST_ADDRESS, quota: this.#quota };
    const seconds = counted.ttlInSeconds;
    const problem = this.refusals.countAndCreateProblem({ name: policy.name, policy, seconds, retrySeconds: seconds });
    if (problem !== undefined) this.logins.countRefusedLogin(config, problem);
    return problem;
  }
}
