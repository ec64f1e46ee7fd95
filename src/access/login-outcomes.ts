import { Injectable } from '@nestjs/common';
import { Problem } from '../problems/problem.js';
import { routeConfig } from './route-settings.js';

type LoginOutcome = 'success' | 'wrong' | 'limited' | 'unavailable';

/** The part of a Fastify route's `config` that tells a login. */
interface LoginRoute {
  readonly isLogin?: true;
}

/** Says that a request of this route is a login, also where a hook refuses it before its handler. */
export const CountsAsLogin = (): MethodDecorator => routeConfig({ isLogin: true } satisfies LoginRoute);

/** How logins ended since the start: whether somebody guesses, or cannot get in. What is no login for its form is not counted. */
@Injectable()
export class LoginOutcomes {
  readonly #counts: Record<LoginOutcome, number> = { success: 0, wrong: 0, limited: 0, unavailable: 0 };

  /** Counts how the login ends. */
  async countOutcome<Result>(login: Promise<Result>): Promise<Result> {
    try {
      const result = await login;
      this.#counts.success++;
      return result;
    } catch (error) {
      this.#counts[outcomeOf(error)]++;
      throw error;
    }
  }

  /** Counts what a hook refuses, if the route it refuses is a login's. */
  countRefusedLogin(config: unknown, problem: Problem): void {
    if ((config as LoginRoute | undefined)?.isLogin) this.#counts[outcomeOf(problem)]++;
  }

  stats(): Readonly<Record<LoginOutcome, number>> {
    return { ...this.#counts };
  }
}

function outcomeOf(error: unknown): LoginOutcome {
  const status = error instanceof Problem ? error.kind.status : undefined;
  if (status === 401) return 'wrong';
  return status === 429 ? 'limited' : 'unavailable';
}
