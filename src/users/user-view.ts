import type { StoredJson } from './stored-json.js';
import type { UserView } from './user-view.schema.js';

/** What {@link UserView} shows, as the repository reads it. */
export interface UserRow {
  readonly id: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly roles: readonly string[];
  readonly profile: StoredJson;
  readonly createdAt: Date;
}

export function toUserView({ id, email, emailVerified, roles, profile, createdAt }: UserRow): UserView {
  return { id, email, emailVerified, roles: [...roles], profile: { ...profile }, createdAt: createdAt.toISOString() };
}
