import { Type, type Static } from 'typebox';

/** A user, as shown to the user. */
export const UserView = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    email: Type.String({ description: 'As it was typed at registration.' }),
    createdAt: Type.String({ format: 'date-time' }),
  },
  { title: 'UserView', additionalProperties: false },
);
export type UserView = Static<typeof UserView>;

export function toUserView({ id, email, createdAt }: { id: string; email: string; createdAt: Date }): UserView {
  return { id, email, createdAt: createdAt.toISOString() };
}
