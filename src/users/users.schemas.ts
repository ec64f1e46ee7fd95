import { Type, type Static } from 'typebox';
import { DeviceToken } from '../rate-limits/device-token.schema.js';
import { PasswordText } from '../passwords/password.schema.js';
import { StoredJson } from './stored-json.schema.js';

/** The body member of routes that write a profile. */
export const Profile = StoredJson('At most 4096 bytes as JSON, nested at most 8 levels deep.');

export const PasswordChangeBody = Type.Object(
  {
    currentPassword: PasswordText,
    newPassword: PasswordText,
    deviceToken: Type.Optional(
      DeviceToken({ description: 'Of this device, which stays known. All other devices are forgotten.' }),
    ),
  },
  { title: 'PasswordChangeBody', additionalProperties: false },
);
export type PasswordChangeBody = Static<typeof PasswordChangeBody>;

/** Replaces the whole profile. */
export const ProfileBody = Type.Object({ profile: Profile }, { title: 'ProfileBody', additionalProperties: false });
export type ProfileBody = Static<typeof ProfileBody>;

export const DeletionBody = Type.Object(
  { currentPassword: PasswordText },
  { title: 'DeletionBody', additionalProperties: false },
);
export type DeletionBody = Static<typeof DeletionBody>;

/** A user's first password, with the token of the invitation. */
export const InvitationBody = Type.Object(
  {
    token: Type.String({
      minLength: 1,
      maxLength: 256,
      contentEncoding: 'base64url',
      description: 'From the link in the mail.',
    }),
    password: PasswordText,
    profile: Type.Optional(Profile),
  },
  { title: 'InvitationBody', additionalProperties: false },
);
export type InvitationBody = Static<typeof InvitationBody>;
