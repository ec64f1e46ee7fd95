import { Type, type Static } from 'typebox';
import { StoredJson } from './stored-json.schema.js';

/** A user, as shown to the user. */
export const UserView = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    email: Type.String({ description: 'As it was typed at registration.' }),
    emailVerified: Type.Boolean({ description: 'Whether the user has proved to read mail to the address.' }),
    roles: Type.Array(Type.String()),
    profile: StoredJson('Written by the user.'),
    createdAt: Type.String({ format: 'date-time' }),
  },
  { title: 'UserView', additionalProperties: false },
);
export type UserView = Static<typeof UserView>;
