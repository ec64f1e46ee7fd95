import { Type, type Static } from 'typebox';
import { StoredJson } from './stored-json.js';

/** A user, as shown to the user. */
export const UserView = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    email: Type.String({ description: 'As it was typed at registration.' }),
    roles: Type.Array(Type.String()),
    profile: StoredJson('Written by the user.'),
    createdAt: Type.String({ format: 'date-time' }),
  },
  { title: 'UserView', additionalProperties: false },
);
export type UserView = Static<typeof UserView>;

/** What {@link UserView} shows, as the repository reads it. */
export interface UserRow {
  readonly id: string;
  readonly email: string;
  readonly roles: readonly string[];
  readonly profile: StoredJson;
  readonly createdAt: Date;
}

export function toUserView({ id, email, roles, profile, createdAt }: UserRow): UserView {
  return { id, email, roles: [...roles], profile: { ...profile }, createdAt: createdAt.toISOString() };
}
