import { Injectable } from '@nestjs/common';
import type { ChangeQuery } from '../database/change-feed.js';
import { Prisma, type Transaction } from '../database/prisma.service.js';
import { purgeNextRows, type PurgeQuery } from '../jobs/purge-in-batches.js';
import { REVOCATION_LIFE_SECONDS } from './revocation-lifetime.js';

/** What a revocation names. */
export type RevocationKind = 'sid' | 'jti' | 'kid' | 'user';

export interface RevocationRow {
  /** A bigint, greater than the id of every earlier committed row that is still in the table. */
  readonly id: string;
  readonly kind: RevocationKind;
  readonly subject: string;
  /** Seconds since 1970, on the database's clock. */
  readonly createdAt: string;
  /** Until every token it revokes has expired. */
  readonly secondsLeft: number;
}

/** How far one insert advances a sequence that is behind. Takes milliseconds; the next insert continues. */
const MAX_SEQUENCE_CATCH_UP = 100_000;

/**
 * Whether two rows are the same. Ids alone are not enough: after a restore or a reset of the
 * sequence, an id may be used twice.
 */
export function isSameRevocation(a: RevocationRow, b: RevocationRow): boolean {
  return a.id === b.id && a.kind === b.kind && a.subject === b.subject && a.createdAt === b.createdAt;
}

/** Small enough that adding a page to memory does not delay requests. */
export const REVOCATIONS_PER_PAGE = 5000;

@Injectable()
export class RevocationsRepository {
  /**
   * Inserts with ids above all others in the table, even where the sequence was set back. Also advances the sequence,
   * from which alone nodes of 0.1.0 take their ids. The caller holds the revocations lock.
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

  /** The row with this id, if it exists, and the rows committed after it, in order of commit. */
  listRevocationsFrom(query: ChangeQuery, id: string): Promise<RevocationRow[]> {
    return query<RevocationRow>(
      `SELECT r.id::text, r.kind, r.subject, extract(epoch FROM r.created_at)::text AS "createdAt",
              extract(epoch FROM r.created_at - clock_timestamp())::float8 + ${REVOCATION_LIFE_SECONDS} AS "secondsLeft"
       FROM revocations r WHERE r.id >= $1::bigint ORDER BY r.id LIMIT ${REVOCATIONS_PER_PAGE}`,
      [id],
    );
  }

  /** Deletes those of the next batch that are older than {@link REVOCATION_LIFE_SECONDS}. */
  purgeRevocationBatch(query: PurgeQuery, after: string | undefined): Promise<string | undefined> {
    const isOver = Prisma.sql`created_at < now() - make_interval(secs => ${REVOCATION_LIFE_SECONDS})`;
    return purgeNextRows(query, { table: 'revocations', key: 'id', type: 'bigint', isOver, isByAge: true }, after);
  }
}
