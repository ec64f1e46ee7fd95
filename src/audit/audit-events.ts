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
  app_data_changed: 'info',
  key_rotated: 'info',
  key_revoked: 'warn',
  database_restored: 'warn',
  email_verified: 'info',
  password_link_created: 'warn',
  password_reset: 'warn',
  email_change_requested: 'warn',
  email_changed: 'warn',
  email_change_undone: 'warn',
  user_invited: 'info',
  invitation_accepted: 'info',
  mail_failed: 'warn',
} as const satisfies Record<string, 'info' | 'warn'>;

/** The application that is built on Gatehouse, by a service of ours that its modules inject. */
export interface ApplicationActor {
  readonly actor: 'application';
  /** On whose request, where there was one. */
  readonly userId?: string | undefined;
  readonly client?: ClientInfo | undefined;
}

/** The client of a request, `operator` for a command, `system` for a background job, or the application. */
export type Actor = ClientInfo | 'operator' | 'system' | ApplicationActor;

/** What happened, to whom, and who did it. Contains no secret. */
export interface AuditEvent {
  readonly event: keyof typeof AUDIT_EVENTS;
  readonly by: Actor;
  readonly userId?: string;
  readonly sessionId?: string;
  readonly details?: Readonly<Record<string, string | number>>;
}

/** An actor, as rows and lines of the log have it. */
export interface NamedActor {
  readonly actor: 'user' | 'operator' | 'system' | 'application';
  readonly client?: ClientInfo | undefined;
  /** The user on whose request the application acted. */
  readonly details: { readonly actorId?: string };
}

export function nameActor(by: Actor): NamedActor {
  if (typeof by === 'string') return { actor: by, details: {} };
  if (!('actor' in by)) return { actor: 'user', client: by, details: {} };
  const { actor, client, userId } = by;
  return { actor, client, details: userId === undefined ? {} : { actorId: userId } };
}
