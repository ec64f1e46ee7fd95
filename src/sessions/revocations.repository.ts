import { Injectable } from '@nestjs/common';
import { MOST_ACCESS_TOKEN_SECONDS } from '../config/settings.js';
import type { FeedQuery } from '../database/feed.js';
import { Prisma, type Transaction } from '../database/prisma.service.js';
import { purgeBatch } from '../database/purge-batch.js';

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
export const REVOCATION_LIFE_SECONDS = MOST_ACCESS_TOKEN_SECONDS + 2 * 180;

/** Whether two rows are one: an id alone may have been given twice, where a restore or a reset has set the sequence back. */
export function isSameRow(one: RevocationRow, other: RevocationRow): boolean {
  return (
    one.id === other.id && one.kind === other.kind && one.subject === other.subject && one.createdAt === other.createdAt
  );
}

@Injectable()
export class RevocationsRepository {
  /** Always above what is in the table, also where the sequence has been set back. The caller holds the revocations lock. */
  async insert(tx: Transaction, kind: RevocationKind, subjects: readonly string[]): Promise<void> {
    await tx.$executeRaw`
      INSERT INTO revocations (id, kind, subject)
      SELECT greatest(nextval(pg_get_serial_sequence('revocations', 'id')), latest.id + place), ${kind}::revocation_kind, subject
      FROM unnest(${[...subjects]}::text[]) WITH ORDINALITY AS named (subject, place),
           (SELECT coalesce(max(id), 0) AS id FROM revocations) latest`;
  }

  /** The row of this id, where there is one, and those that were committed after it: so many at most, in order of commit. */
  listFrom(query: FeedQuery, id: string, size: number): Promise<RevocationRow[]> {
    return query<RevocationRow>(
      `SELECT r.id::text, r.kind, r.subject, extract(epoch FROM r.created_at)::text AS "createdAt",
              extract(epoch FROM r.created_at - clock_timestamp())::float8 + ${REVOCATION_LIFE_SECONDS} AS "secondsLeft"
       FROM revocations r WHERE r.id >= $1::bigint ORDER BY r.id LIMIT ${size}`,
      [id],
    );
  }

  /** Deletes those among the next of the table that matter no more. */
  purge(tx: Transaction, after: string | undefined): Promise<string | undefined> {
    const isOver = Prisma.sql`created_at < now() - make_interval(secs => ${REVOCATION_LIFE_SECONDS})`;
    return purgeBatch(tx, { table: 'revocations', key: 'id', type: 'bigint', isOver, isByAge: true }, after);
  }
}
