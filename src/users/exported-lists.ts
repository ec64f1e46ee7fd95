import { Injectable } from '@nestjs/common';
import { AuditService, type UserEvent } from '../audit/audit.service.js';
import { MailService, type MailRecord } from '../mail/mail.service.js';
import { OneTimeTokensService, type LinkRecord } from '../one-time-tokens/one-time-tokens.service.js';
import { RateLimitsService, type DeviceRecord } from '../rate-limits/rate-limits.service.js';
import { SessionsService, type SessionRecord } from '../sessions/sessions.service.js';
import { readPages, type ExportedList } from './export-json.js';

/** What is kept about a user beside the user's row: an entry for each table, in the order of the export. */
@Injectable()
export class ExportedLists {
  constructor(
    private readonly sessions: SessionsService,
    private readonly limits: RateLimitsService,
    private readonly audit: AuditService,
    private readonly tokens: OneTimeTokensService,
    private readonly mail: MailService,
  ) {}

  listsOf(userId: string): ExportedList[] {
    return [
      {
        name: 'sessions',
        pages: readPages<SessionRecord>((after, size) => this.sessions.listSessionsAfter(after, userId, size)),
      },
      {
        name: 'devices',
        pages: readPages<DeviceRecord>((after, size) => this.limits.listDevicesAfter(after, userId, size)),
      },
      {
        name: 'links',
        pages: readPages<LinkRecord>((after, size) => this.tokens.listLinksAfter(after, userId, size)),
      },
      {
        name: 'mails',
        pages: readPages<MailRecord>((after, size) => this.mail.listMailsAfter(after, userId, size)),
      },
      {
        name: 'auditEvents',
        pages: readPages<UserEvent>((after, size) => this.audit.listUserEventsAfter(after, userId, size)),
      },
    ];
  }
}
