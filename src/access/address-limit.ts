import { Inject, Injectable } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { CONFIG, type Config } from '../config/config.js';
import { clientOf } from '../limits/limit-keys.js';
import { REQUEST_ADDRESS } from '../limits/limit-policies.js';
import { tooManyAttempts } from '../limits/limits.problems.js';
import { LimitsService } from '../limits/limits.service.js';
import { sendProblem } from '../problems/problem.filter.js';
import type { ProblemFactory } from '../problems/problem.js';
import { LoginOutcomes } from './login-outcomes.js';
import { routeConfig } from './route-access.decorators.js';

/** So many addresses are counted at once, 230 bytes each; beyond them the one that was quiet for longest is forgotten. */
export const MOST_ADDRESSES = 50_000;

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

  constructor(
    @Inject(CONFIG) { addressRequestsPerMinute, rateLimits }: Config,
    private readonly limits: LimitsService,
    private readonly logins: LoginOutcomes,
  ) {
    this.#quota = addressRequestsPerMinute;
    this.#isOn = addressRequestsPerMinute > 0 && rateLimits !== 'off';
  }

  /** What a route with this config is refused with. */
  problems(config: unknown): readonly ProblemFactory[] {
    return this.#isOn && !isExempt(config) ? [tooManyAttempts] : [];
  }

  /** Adds the hook, if it is asked for. After CORS, whose headers a page needs to read a refusal, and before the gate. */
  async guard(fastify: FastifyInstance, mostAddresses = MOST_ADDRESSES): Promise<void> {
    if (!this.#isOn) return;
    const policy = { ...REQUEST_ADDRESS, quota: this.#quota };
    // Loaded where it is used, so that nobody else's start waits for it.
    const { fastifyRateLimit } = await import('@fastify/rate-limit');
    // The plugin's own hook would come after the gate.
    await fastify.register(fastifyRateLimit, {
      global: false,
      max: policy.quota,
      timeWindow: policy.seconds * 1000,
      cache: mostAddresses,
      keyGenerator: ({ ip }) => clientOf(ip),
    });
    const count = fastify.createRateLimit();
    fastify.addHook('onRequest', async (request, reply) => {
      if (isExempt(request.routeOptions.config)) return undefined;
      const counted = await count(request);
      if (counted.isAllowed || !counted.isExceeded) return undefined;
      const problem = this.limits.refusal(policy, counted.ttlInSeconds);
      if (problem === undefined) return undefined;
      this.logins.noteRefusal(request.routeOptions.config, problem);
      sendProblem(problem, () => undefined, request, reply);
      return reply;
    });
  }
}
