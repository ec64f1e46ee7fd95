import { Inject, Injectable } from '@nestjs/common';
import { transactionOf, type Statements } from '../database/database.js';
import type { ClientInfo } from '../http/client-info.js';
import { AUDIT_EVENTS, type AuditEvent } from './audit-events.js';
import { AuditService } from './audit.service.js';

const NAME = /^[a-z][a-z0-9_]{0,62}$/;

/** An event of an application's own. Contains no secret. */
export interface ApplicationEvent {
  /** In snake_case, and none of the events of Gatehouse. */
  readonly event: string;
  /** The client of the request (`@Client()`), or `system` for a background job. */
  readonly by: ClientInfo | 'system';
  readonly userId?: string;
  readonly sessionId?: string;
  readonly details?: Readonly<Record<string, string | number>>;
}

/** The audit trail, for the modules of an application: `gatehouse events` and `AUDIT_RETENTION_DAYS` hold for its events, too. */
@Injectable()
export class Audit {
  readonly #audit: AuditService;

  constructor(@Inject(AuditService) audit: object) {
    this.#audit = audit as AuditService;
  }

  /** Writes the event in the transaction, and its log line once that is committed. */
  async record(tx: Statements, event: ApplicationEvent): Promise<void> {
    if (!NAME.test(event.event) || event.event in AUDIT_EVENTS)
      throw new TypeError('the name of an event is snake_case, and none of Gatehouse’s own');
    // Unknown names are logged at `info`.
    await this.#audit.recordEvent(transactionOf(tx), event as AuditEvent);
  }
}
