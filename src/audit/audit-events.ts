import type { ClientInfo } from '../http/client-info.js';

/** Every event of the audit trail, and the level of its log line. */
export const AUDIT_EVENTS = {
  user_registered: 'info',
  session_started: 'info',
  session_displaced: 'info',
  session_ended: 'info',
  sessions_ended: 'info',
  refresh_token_reused: 'warn',
  password_changed: 'info',
  user_deleted: 'warn',
  user_disabled: 'warn',
  user_enabled: 'warn',
  user_unlocked: 'warn',
  role_granted: 'warn',
  role_ungranted: 'warn',
  key_rotated: 'info',
  key_revoked: 'warn',
  database_restored: 'warn',
} as const satisfies Record<string, 'info' | 'warn'>;

/** What happened, to whom, and who did it. Contains no secret. */
export interface AuditEvent {
  readonly event: keyof typeof AUDIT_EVENTS;
  /** The client of a request, `operator` for a command, or `system` for a background job. */
  readonly by: ClientInfo | 'operator' | 'system';
  readonly userId?: string;
  readonly sessionId?: string;
  readonly details?: Readonly<Record<string, string | number>>;
}
