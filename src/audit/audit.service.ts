import { Injectable, Logger } from '@nestjs/common';
import { PrismaService, type Prisma, type Transaction } from '../database/prisma.service.js';
import { AUDIT_EVENTS, nameActor, type AuditEvent } from './audit-events.js';
import { AuditRepository, EVENTS_PER_PAGE, type AuditRecord, type UserEvent } from './audit.repository.js';

export type { AuditRecord, UserEvent };

/** The audit trail of users, sessions and keys: a row written in the transaction of the change, then a log line. */
@Injectable()
export class AuditService {
  readonly #log = new Logger('Audit');

  constructor(
    private readonly prisma: PrismaService,
    private readonly repository: AuditRepository,
  ) {}

  /** Writes the event in the transaction and logs it once that is committed. */
  async recordEvent(tx: Transaction, event: AuditEvent): Promise<void> {
    await this.repository.insertEvent(tx, event);
    this.prisma.afterCommit(tx, () => this.logEvent(event));
  }

  /**
   * An INSERT of the event as part of one statement, applied if the statement's CTE of this name has a row. Call
   * {@link logEvent} afterwards.
   */
  eventInsertSql(event: AuditEvent, cte: string): Prisma.Sql {
    return this.repository.conditionalInsertSql(event, cte);
  }

  /** Writes the event's log line. Details do not replace what the line says itself: they may be texts of a client. */
  logEvent({ event, by, userId, sessionId, details }: AuditEvent): void {
    const { actor, client, details: ofActor } = nameActor(by);
    const source = { actor, ip: client?.address, reqId: client?.requestId };
    const own = { event, ...source, userId, sessionId, err: undefined, msg: 'security' };
    const line = { ...own, ...details, ...ofActor, ...own };
    if (AUDIT_EVENTS[event] === 'warn') this.#log.warn(line);
    else this.#log.log(line);
  }

  /** The events about a user in the order of writing, after the given one; at most `size`. */
  listUserEventsAfter(after: UserEvent | undefined, userId: string, size: number): Promise<UserEvent[]> {
    return this.repository.listUserEventsAfter(after?.id ?? '0', userId, size);
  }

  /** Addresses of the user's logins of the last days, but not that of one session; of the newest events alone. */
  listLoginAddresses(userId: string, past: { readonly except: string; readonly days: number }): Promise<string[]> {
    return this.repository.listLoginAddresses(userId, past);
  }

  /** All events, of one user or of all, in the order in which they were written; read in pages. */
  async *listEvents(userId?: string): AsyncGenerator<AuditRecord> {
    let after: string | undefined = '0';
    do {
      const page: AuditRecord[] = await this.repository.listEventsAfter(after, userId);
      yield* page;
      after = page.length === EVENTS_PER_PAGE ? page.at(-1)?.id : undefined;
    } while (after !== undefined);
  }
}
