import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '../config/config.js';
import { PURGE_AUDIT_LOCK } from '../database/advisory-lock.js';
import { BackgroundJobs } from '../jobs/background-jobs.js';
import { PrismaService, type Prisma, type Transaction } from '../database/prisma.service.js';
import { AUDIT_EVENTS, type AuditEvent } from './audit-events.js';
import { AuditRepository, type AuditRecord } from './audit.repository.js';

const PURGE_SECONDS = 3600;
const PAGE_SIZE = 1000;

export type { AuditRecord };

/** The trail of what became of users, sessions and keys: a row with the change itself, then a line in the log. */
@Injectable()
export class AuditService {
  readonly #log = new Logger('Audit');

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly jobs: BackgroundJobs,
    private readonly prisma: PrismaService,
    private readonly repository: AuditRepository,
  ) {
    jobs.addRecurringJob(PURGE_SECONDS, 'purge audit trail', () => this.purgeEvents());
  }

  /** Writes the event with the transaction, and tells of it once it is committed. */
  async recordEvent(tx: Transaction, event: AuditEvent): Promise<void> {
    await this.repository.insertEvent(tx, event);
    this.prisma.afterCommit(tx, () => this.logEvent(event));
  }

  /** Writes the event with a statement that stands alone, if `part` of it returns a row. Then call {@link logEvent}. */
  eventInsertSql(event: AuditEvent, part: string): Prisma.Sql {
    return this.repository.conditionalInsertSql(event, part);
  }

  /** One line in the log. */
  logEvent({ event, by, userId, sessionId, details }: AuditEvent): void {
    const whence = typeof by === 'string' ? { actor: by } : { actor: 'user', ip: by.address, reqId: by.requestId };
    const line = { event, ...whence, userId, sessionId, ...details, msg: 'security' };
    if (AUDIT_EVENTS[event] === 'warn') this.#log.warn(line);
    else this.#log.log(line);
  }

  /** Deletes what is older than `AUDIT_RETENTION_DAYS`. */
  async purgeEvents(): Promise<void> {
    const { auditRetentionDays } = this.config;
    await this.jobs.purgeInBatches(PURGE_AUDIT_LOCK, (query, after) =>
      this.repository.purgeEventBatch(query, auditRetentionDays, after),
    );
  }

  /** Everything there is in the order in which it was written, of one user or of all, read in pages. */
  async *listEvents(userId?: string): AsyncGenerator<AuditRecord> {
    let after: string | undefined = '0';
    do {
      const page: AuditRecord[] = await this.repository.listEventsAfter(after, PAGE_SIZE, userId);
      yield* page;
      after = page.length === PAGE_SIZE ? page.at(-1)?.id : undefined;
    } while (after !== undefined);
  }
}
