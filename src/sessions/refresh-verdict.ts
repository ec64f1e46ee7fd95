import { Prisma } from '../database/prisma.service.js';
import type { RefreshTokenContent } from './refresh-token-codec.js';
import type { SessionLimits } from './session-limits.js';

/**
 * `advance`: the token is the current one. `replay`: it was exchanged last and is within the grace. `reuse`: it is
 * older. `expired`: the session is past a limit. `ended`: the session has ended, or its user is disabled. `changed`: the
 * user's row does not have the expected version, and the token would be `advance` or `replay`.
 */
export type RefreshVerdict = 'advance' | 'replay' | 'reuse' | 'expired' | 'ended' | 'changed';

/** The verdict on a refresh token, and whose session it belongs to. */
export interface EvaluatedRefreshToken {
  readonly verdict: RefreshVerdict;
  readonly userId: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly roles: readonly string[];
  readonly version: number;
  /** Until the session's absolute limit. */
  readonly secondsLeft: number;
}

interface VerdictOptions {
  /** That the user's row must have. */
  readonly version?: number | undefined;
  /** Further columns, after a comma. */
  readonly columns?: Prisma.Sql;
}

/**
 * The query that returns an {@link EvaluatedRefreshToken}, or no row for an unknown session. A counter ahead of the
 * row's counts as current: the token's MAC shows that this service issued it, so the row was restored from a backup, or
 * its last change was lost in a failover.
 */
export function refreshVerdictSql(
  { sessionId, counter }: RefreshTokenContent,
  limits: SessionLimits,
  graceSeconds: number,
  { version, columns = Prisma.empty }: VerdictOptions = {},
): Prisma.Sql {
  const whenChanged =
    version === undefined
      ? Prisma.empty
      : Prisma.sql`WHEN s.refresh_counter <= ${counter}::bigint + 1 AND u.version <> ${version}::int THEN 'changed'`;
  return Prisma.sql`
    SELECT s.user_id AS "userId", u.email, u.email_verified_at IS NOT NULL AS "emailVerified", u.roles, u.version${columns},
           ${limits.absoluteSeconds}::int - ceil(extract(epoch FROM now() - s.created_at))::int AS "secondsLeft",
           CASE
             WHEN s.ended_at IS NOT NULL OR u.disabled_at IS NOT NULL THEN 'ended'
             WHEN NOT (${limits.isWithinLimitsSql()}) THEN 'expired'
             ${whenChanged}
             WHEN s.refresh_counter <= ${counter}::bigint THEN 'advance'
             WHEN s.refresh_counter = ${counter}::bigint + 1 AND ${graceSeconds}::int > 0
                  AND s.refreshed_at > now() - make_interval(secs => ${graceSeconds}::int) THEN 'replay'
             ELSE 'reuse'
           END AS verdict
    FROM sessions s JOIN users u ON u.id = s.user_id
    WHERE s.id = ${sessionId}::uuid`;
}
