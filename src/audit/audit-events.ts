import type { ClientInfo } from '../http/client-info.js';

/** Everything that the trail may hold, and whether the log takes it for a warning or for news. */
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
  key_rotated: 'info',
  key_revoked: 'warn',
  database_restored: 'warn',
} as const satisfies Record<string, 'info' | 'warn'>;

/** What happened, to whom, and by whom. Holds no secret. */
export interface AuditEvent {
  readonly event: keyof typeof AUDIT_EVENTS;
  /** A request; or a script, or a background job of the service itself. */
  readonly by: ClientInfo | 'operator' | 'system';
  readonly userId?: string;
  readonly sessionId?: string;
  readonly details?: Readonly<Record<string, string | number>>;
}
