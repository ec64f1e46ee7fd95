import { Inject, Injectable } from '@nestjs/common';
import { transactionOf, type Statements } from '../database/database.js';
import type { ClientInfo } from '../http/client-info.js';
import { AUDIT_EVENTS, type AuditEvent } from './audit-events.js';
import { AuditService } from './audit.service.js';

const NAME = /^[a-z][a-z0-9_]{0,62}$/;

/** As JSON, in UTF-8. */
const MAX_DETAILS_BYTES = 2048;

/** An event of an application's own. Contains no secret. */
export interface ApplicationEvent {
  /** In snake_case, and none of the events of Gatehouse. */
  readonly event: string;
  /** The client of the request (`@Client()`), or `system` for a background job. */
  readonly by: ClientInfo | 'system';
  /** Whom the event is about. */
  readonly userId?: string;
  /** The user who acted, where that is somebody else; in `details` of the row. */
  readonly actorId?: string;
  readonly sessionId?: string;
  /** At most 2048 bytes as JSON. */
  readonly details?: Readonly<Record<string, string | number>>;
}

/** The audit trail, for the modules of an application: `gatehouse events` and `AUDIT_RETENTION_DAYS` hold for its events, too. */
@Injectable()
export class Audit {
  readonly #audit: AuditService;

  constructor(@Inject(AuditService) audit: object) {
    this.#audit = audit as AuditService;
  }

  /**
   * Writes the event in the transaction, and its log line once that is committed.
   * @throws {TypeError} for a bad name, and for details that are no object of texts and numbers, are too long or name the actor
   */
  async record(tx: Statements, event: ApplicationEvent): Promise<void> {
    if (!NAME.test(event.event) || event.event in AUDIT_EVENTS)
      throw new TypeError('the name of an event is snake_case, and none of Gatehouse’s own');
    const { actorId, ...others } = event;
    if (!isPlainObject(event.details ?? {}) || Object.hasOwn(event.details ?? {}, 'actorId'))
      throw new TypeError('the details of an event are an object; the user who acted is `actorId` beside them');
    const details = { ...event.details, ...(actorId !== undefined && { actorId }) };
    if (!Object.values(details).every(isDetail) || Buffer.byteLength(JSON.stringify(details)) > MAX_DETAILS_BYTES)
      throw new TypeError(`the details of an event are texts and numbers, at most ${MAX_DETAILS_BYTES} bytes as JSON`);
    // Unknown names are logged at `info`.
    await this.#audit.recordEvent(transactionOf(tx), { ...others, details } as AuditEvent);
  }
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value));
}

function isDetail(value: unknown): boolean {
  return typeof value === 'string' || Number.isFinite(value);
}
