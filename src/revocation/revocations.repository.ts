import { Injectable } from '@nestjs/common';
import { MAX_ACCESS_TOKEN_TTL_SECONDS } from '../config/settings.js';
import type { ChangeQuery } from '../database/change-feed.js';
import { Prisma, type Transaction } from '../database/prisma.service.js';
import { purgeNextRows, type PurgeQuery } from '../jobs/purge-batch.js';

/** What a revocation names. */
export type RevocationKind = 'sid' | 'jti' | 'kid';

export interface RevocationRow {
  /** A bigint, larger than that of every revocation committed before that is still in the table. */
  readonly id: string;
  readonly kind: RevocationKind;
  readonly subject: string;
  /** Seconds since 1970, on the database's clock. */
  readonly createdAt: string;
  /** Until no token it could name can be alive. */
  readonly secondsLeft: number;
}

/**
 * The longest an access token can be accepted after it was minted: an hour, a minute of tolerance, and two minutes by which
 * the clocks of minter and verifier may err; and as long again for good measure.
 */
export const REVOCATION_LIFE_SECONDS = MAX_ACCESS_TOKEN_TTL_SECONDS + 2 * 180;

/** What one revocation moves a sequence on by that is behind: takes milliseconds, and the next one goes on. */
const MAX_SEQUENCE_CATCH_UP = 100_000;

/** Whether two rows are one: an id alone may have been given twice, where a restore or a reset has set the sequence back. */
export function isSameRevocation(one: RevocationRow, other: RevocationRow): boolean {
  return (
    one.id === other.id && one.kind === other.kind && one.subject === other.subject && one.createdAt === other.createdAt
  );
}

@Injectable()
export class RevocationsRepository {
  /**
   * Always above what is in the table, also where the sequence has been set back: that is moved on, for nodes of earlier versions take
   * their ids from it alone. The caller holds the revocations lock.
   */
  async insertRevocations(tx: Transaction, kind: RevocationKind, subjects: readonly string[]): Promise<void> {
    await tx.$executeRaw`
      WITH sequence AS MATERIALIZED (
        SELECT pg_get_serial_sequence('revocations', 'id')::regclass AS name
      ), numbered AS MATERIALIZED (
        SELECT nextval(sequence.name) AS number, latest.id + place AS lowest, subject
        FROM unnest(${[...subjects]}::text[]) WITH ORDINALITY AS named (subject, place),
             (SELECT coalesce(max(id), 0) AS id FROM revocations) latest, sequence
      ), inserted AS (
        INSERT INTO revocations (id, kind, subject)
        SELECT greatest(number, lowest), ${kind}::revocation_kind, subject FROM numbered
      )
      SELECT count(nextval(sequence.name))
      FROM sequence, (SELECT max(number) AS number, max(lowest) AS lowest FROM numbered) last,
           LATERAL generate_series(last.number + 1, least(last.lowest, last.number + ${MAX_SEQUENCE_CATCH_UP})) missing`;
  }

  /** The row of this id, where there is one, and those that were committed after it: so many at most, in order of commit. */
  listRevocationsFrom(query: ChangeQuery, id: string, size: number): Promise<RevocationRow[]> {
    return query<RevocationRow>(
      `SELECT r.id::text, r.kind, r.subject, extract(epoch FROM r.created_at)::text AS "createdAt",
              extract(epoch FROM r.created_at - clock_timestamp())::float8 + ${REVOCATION_LIFE_SECONDS} AS "secondsLeft"
       FROM revocations r WHERE r.id >= $1::bigint ORDER BY r.id LIMIT ${size}`,
      [id],
    );
  }

  /** Deletes those among the next of the table that matter no more. */
  purgeRevocationBatch(query: PurgeQuery, after: string | undefined): Promise<string | undefined> {
    const isOver = Prisma.sql`created_at < now() - make_interval(secs => ${REVOCATION_LIFE_SECONDS})`;
    return purgeNextRows(query, { table: 'revocations', key: 'id', type: 'bigint', isOver, isByAge: true }, after);
  }
}
