import { Injectable } from '@nestjs/common';
import type { LoginRoute } from './route-access.decorators.js';
import { Problem } from '../problems/problem.js';

type LoginOutcome = 'success' | 'wrong' | 'limited' | 'unavailable';

/** Counts logins by outcome since the start. A request that fails validation is not counted. */
@Injectable()
export class LoginCounter {
  readonly #counts: Record<LoginOutcome, number> = { success: 0, wrong: 0, limited: 0, unavailable: 0 };

  /** Counts the outcome of a login when it has one. */
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

  /** Counts a request that a hook refused, if the route with this config is a login. */
  countRefusedLogin(config: unknown, problem: Problem): void {
    if ((config as LoginRoute | undefined)?.isLogin) this.#counts[outcomeOf(problem)]++;
  }

  loginOutcomeCounts(): Readonly<Record<LoginOutcome, number>> {
    return { ...this.#counts };
  }
}

function outcomeOf(error: unknown): LoginOutcome {
  const status = error instanceof Problem ? error.kind.status : undefined;
  if (status === 401) return 'wrong';
  return status === 429 ? 'limited' : 'unavailable';
}
