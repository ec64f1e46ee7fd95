import { Injectable } from '@nestjs/common';
import { Prisma, PrismaService, type Transaction } from '../database/prisma.service.js';
import { purgeNextRows, type PurgeQuery } from '../jobs/purge-in-batches.js';
import { truncateUserAgent } from '../http/client-info.js';
import { nameActor, type AuditEvent, type NamedActor } from './audit-events.js';

const COLUMNS = Prisma.sql`event, actor, user_id, session_id, address, user_agent, request_id, details`;

/** One row of the audit trail. */
export interface AuditRecord {
  /** A bigint, ascending in the order of writing. */
  readonly id: string;
  readonly occurredAt: Date;
  readonly event: string;
  readonly actor: NamedActor['actor'];
  readonly userId: string | null;
  readonly sessionId: string | null;
  readonly address: string | null;
  readonly userAgent: string | null;
  readonly requestId: string | null;
  readonly details: Readonly<Record<string, string | number>>;
}

/** What its user may see of a row. */
export type UserEvent = Omit<AuditRecord, 'userId' | 'requestId'>;

export const EVENTS_PER_PAGE = 1000;

const MAX_ID = '9223372036854775807';

/** Inserts, reads and purges events. Nothing updates an event. */
@Injectable()
export class AuditRepository {
  constructor(private readonly prisma: PrismaService) {}

  async insertEvent(tx: Transaction, event: AuditEvent): Promise<void> {
    await tx.$executeRaw`INSERT INTO audit_events (${COLUMNS}) VALUES (${columnValues(event)})`;
  }

  /** An INSERT as part of one statement, applied if the statement's CTE of this name has a row. */
  conditionalInsertSql(event: AuditEvent, cte: string): Prisma.Sql {
    return Prisma.sql`
      INSERT INTO audit_events (${COLUMNS}) SELECT ${columnValues(event)} WHERE EXISTS (SELECT FROM ${Prisma.raw(cte)})`;
  }

  /** The next events after this id, of one user or of all, in the order of writing. */
  listEventsAfter(after: string, userId?: string): Promise<AuditRecord[]> {
    const isTheirs = userId === undefined ? Prisma.sql`true` : Prisma.sql`user_id = ${userId}::uuid`;
    return this.prisma.$queryRaw<AuditRecord[]>`
      SELECT e.id::text, occurred_at AS "occurredAt", event, actor::text, user_id AS "userId", session_id AS "sessionId",
             address, user_agent AS "userAgent", request_id AS "requestId", details
      FROM audit_events e WHERE e.id > ${after}::bigint AND ${isTheirs} ORDER BY e.id LIMIT ${EVENTS_PER_PAGE}`;
  }

  /**
   * The next events about this user after this id, in the order of writing. Compares both columns of the index, so that the
   * planner cannot go by the primary key for the sake of the order, through the events of all users.
   */
  listUserEventsAfter(after: string, userId: string, size: number): Promise<UserEvent[]> {
    return this.prisma.$queryRaw<UserEvent[]>`
      SELECT e.id::text, e.occurred_at AS "occurredAt", e.event, e.actor::text, e.session_id AS "sessionId", e.address,
             e.user_agent AS "userAgent", e.details
      FROM audit_events e
      WHERE (e.user_id, e.id) > (${userId}::uuid, ${after}::bigint)
        AND (e.user_id, e.id) <= (${userId}::uuid, ${MAX_ID}::bigint)
      ORDER BY e.user_id, e.id LIMIT ${size}`;
  }

  async listLoginAddresses(
    userId: string,
    { except, days }: { readonly except: string; readonly days: number },
  ): Promise<string[]> {
    const rows = await this.prisma.$queryRaw<{ address: string }[]>`
      SELECT DISTINCT address FROM (
        SELECT * FROM audit_events e WHERE (e.user_id, e.id) <= (${userId}::uuid, ${MAX_ID}::bigint) AND e.user_id = ${userId}::uuid
        ORDER BY e.user_id DESC, e.id DESC LIMIT ${EVENTS_PER_PAGE}) newest
      WHERE event = 'session_started' AND address IS NOT NULL
            AND session_id <> ${except}::uuid AND occurred_at > now() - make_interval(days => ${days}::int)`;
    return rows.map(({ address }) => address);
  }

  /** Deletes those of the next batch that are older than the retention. */
  purgeEventBatch(query: PurgeQuery, retentionDays: number, after: string | undefined): Promise<string | undefined> {
    const isOver = Prisma.sql`occurred_at < now() - make_interval(days => ${retentionDays}::int)`;
    return purgeNextRows(query, { table: 'audit_events', key: 'id', type: 'bigint', isOver, isByAge: true }, after);
  }
}

function columnValues({ event, by, userId, sessionId, details = {} }: AuditEvent): Prisma.Sql {
  const { actor, client, details: ofActor } = nameActor(by);
  return Prisma.join([
    Prisma.sql`${event}`,
    Prisma.sql`${actor}::audit_actor`,
    Prisma.sql`${userId ?? null}::uuid`,
    Prisma.sql`${sessionId ?? null}::uuid`,
    Prisma.sql`${client?.address ?? null}::text`,
    Prisma.sql`${truncateUserAgent(client?.userAgent)}::text`,
    Prisma.sql`${client?.requestId ?? null}::uuid`,
    Prisma.sql`${JSON.stringify({ ...details, ...ofActor })}::jsonb`,
  ]);
}
