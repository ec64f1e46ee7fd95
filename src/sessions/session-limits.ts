import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { Prisma } from '../database/prisma.service.js';

/** Live sessions of one user. One more ends the oldest. */
export const MAX_SESSIONS_PER_USER = 100;

/** A user with this number of live sessions or more starts the next one in a transaction that counts them exactly. */
export const EXACT_COUNT_FROM = MAX_SESSIONS_PER_USER / 2;

const DAY_SECONDS = 86_400;

/**
 * The idle and the absolute limit of a session, also as SQL conditions on a row `s` of
 * `sessions`, on the database's clock.
 */
@Injectable()
export class SessionLimits {
  readonly idleSeconds: number;
  readonly absoluteSeconds: number;

  constructor(@Inject(CONFIG) config: Config) {
    this.idleSeconds = config.sessionIdleDays * DAY_SECONDS;
    this.absoluteSeconds = config.sessionAbsoluteDays * DAY_SECONDS;
  }

  /** The session has not ended and is within both limits. */
  isLiveSql(): Prisma.Sql {
    return Prisma.sql`s.ended_at IS NULL AND ${this.isWithinLimitsSql()}`;
  }

  /** The session is within both limits, each extended by `extraSeconds`. */
  isWithinLimitsSql(extraSeconds = 0): Prisma.Sql {
    return Prisma.sql`
      s.refreshed_at > now() - make_interval(secs => ${this.idleSeconds + extraSeconds}::int)
      AND s.created_at > now() - make_interval(secs => ${this.absoluteSeconds + extraSeconds}::int)`;
  }
}
