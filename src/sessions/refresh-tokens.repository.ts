import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { Prisma, PrismaService } from '../database/prisma.service.js';
import type { RefreshTokenContent } from './refresh-token-codec.js';
import { refreshVerdictSql, type EvaluatedRefreshToken } from './refresh-verdict.js';
import { SessionLimits } from './session-limits.js';

/** The verdict, and what else of the user's row an access token may depend on. */
export interface EvaluatedSessionUser extends EvaluatedRefreshToken {
  readonly appData: Readonly<Record<string, unknown>>;
  readonly createdAt: Date;
}

/** Reads and advances the refresh counters of sessions. */
@Injectable()
export class RefreshTokensRepository {
  readonly #graceSeconds: number;

  constructor(
    @Inject(CONFIG) config: Config,
    private readonly prisma: PrismaService,
    private readonly limits: SessionLimits,
  ) {
    this.#graceSeconds = config.refreshGraceSeconds;
  }

  /**
   * Evaluates a refresh token and advances its session's counter in one statement. It waits for a concurrent exchange
   * of the same session and then sees its result: of any number at once, one gets `advance` and the others `replay`.
   * @param version that the user's row must have; otherwise nothing is exchanged, and the verdict is `changed`
   */
  async exchangeRefreshToken(token: RefreshTokenContent, version?: number): Promise<EvaluatedRefreshToken | undefined> {
    const verdict = refreshVerdictSql(token, this.limits, this.#graceSeconds, { version });
    const [evaluated] = await this.prisma.queryPrepared<EvaluatedRefreshToken>(Prisma.sql`
      WITH presented AS MATERIALIZED (${verdict} FOR NO KEY UPDATE OF s),
      advanced AS (
        UPDATE sessions SET refresh_counter = ${token.counter}::bigint + 1, refreshed_at = now()
        FROM presented
        WHERE sessions.id = ${token.sessionId}::uuid AND presented.verdict = 'advance'
      )
      SELECT * FROM presented`);
    return evaluated;
  }

  /** What {@link exchangeRefreshToken} would return now. Changes nothing. */
  async evaluateRefreshToken(token: RefreshTokenContent): Promise<EvaluatedSessionUser | undefined> {
    const columns = Prisma.sql`, u.app_data AS "appData", u.created_at AS "createdAt"`;
    const verdict = refreshVerdictSql(token, this.limits, this.#graceSeconds, { columns });
    const [evaluated] = await this.prisma.queryPrepared<EvaluatedSessionUser>(verdict);
    return evaluated;
  }
}
