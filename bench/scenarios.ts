import type { Effort } from './harness.ts';
import type { Result } from './results.ts';
import { algorithms } from './scenarios/algorithms.ts';
import { cost } from './scenarios/cost.ts';
import { fastify } from './scenarios/fastify.ts';
import { growth } from './scenarios/growth.ts';
import { guard } from './scenarios/guard.ts';
import { limits } from './scenarios/limits.ts';
import { log } from './scenarios/log.ts';
import { loginStorm } from './scenarios/login-storm.ts';
import { manyTokens } from './scenarios/many-tokens.ts';
import { newTokens } from './scenarios/new-tokens.ts';
import { fewPeers, peers } from './scenarios/peers.ts';
import { profile } from './scenarios/profile.ts';
import { refresh } from './scenarios/refresh.ts';
import { refusals } from './scenarios/refusals.ts';
import { revocation } from './scenarios/revocation.ts';
import { soak } from './scenarios/soak.ts';
import { verifierAlone } from './scenarios/verifier.ts';
import { workers } from './scenarios/workers.ts';

export interface Scenario {
  readonly run: (effort: Effort) => Promise<Result>;
  /** What differs from {@link DEFAULT_EFFORT}; the command line has the last word. */
  readonly effort?: Partial<Effort>;
  /** What differs from that in a full run. */
  readonly fullEffort?: Partial<Effort>;
  /** Left out of a full run: it takes long, or needs more than a full run provides. */
  readonly isByNameOnly?: true;
}

export const DEFAULT_EFFORT: Effort = { processes: 3, rounds: 5, seconds: 1, rate: 4000 };

/** By their names on the command line, in the order of a full run. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  guard: { run: guard },
  'many-tokens': { run: manyTokens },
  fastify: { run: fastify, fullEffort: { processes: 5 } },
  peers: { run: peers },
  algorithms: { run: algorithms },
  // A first verification takes so long that one core does not answer 4,000 of them in a second.
  'first-sight': { run: newTokens, effort: { rate: 2000 } },
  refusals: { run: refusals, effort: { rate: 2000 } },
  gate: { run: verifierAlone },
  log: { run: log },
  revocation: { run: revocation },
  profile: { run: profile, effort: { seconds: 2 } },
  cost: { run: cost, effort: { processes: 1, rounds: 3 }, isByNameOnly: true },
  refresh: { run: refresh, effort: { rate: 500 } },
  soak: { run: soak, effort: { processes: 1, rounds: 1, seconds: 480 }, isByNameOnly: true },
  growth: { run: growth, effort: { rounds: 3 }, isByNameOnly: true },
  workers: { run: workers, effort: { rounds: 2 }, fullEffort: { rounds: 5 } },
  limits: { run: limits, effort: { seconds: 5, rounds: 2 } },
  'login-storm': { run: loginStorm, effort: { seconds: 10, rounds: 1 }, fullEffort: { seconds: 60 } },
};

/** The guard and two peers. */
export const QUICK_SCENARIOS: Readonly<Record<string, Scenario>> = {
  guard: { run: guard, effort: { rounds: 1 } },
  peers: { run: fewPeers, effort: { rounds: 1 } },
};
