import { Type, type Static } from 'typebox';
import { PasswordText } from '../passwords/password.schema.js';
import { EmailAddress } from '../users/email-address.schema.js';

/** Any text: one that is no token of ours is `mail_token_invalid`, and not against the schema. */
const LinkToken = Type.String({
  minLength: 1,
  maxLength: 256,
  contentEncoding: 'base64url',
  description: 'From the link in the mail.',
});

export const EmailBody = Type.Object({ email: EmailAddress }, { title: 'EmailBody', additionalProperties: false });
export type EmailBody = Static<typeof EmailBody>;

export const EmailConfirmationBody = Type.Object(
  {
    token: LinkToken,
    password: Type.Optional(
      Type.Unsafe<string>({
        ...PasswordText,
        description: 'Of the registration; not needed with an access token of the user.',
      }),
    ),
  },
  { title: 'EmailConfirmationBody', additionalProperties: false },
);
export type EmailConfirmationBody = Static<typeof EmailConfirmationBody>;

export const PasswordResetBody = Type.Object(
  { token: LinkToken, newPassword: PasswordText },
  { title: 'PasswordResetBody', additionalProperties: false },
);
export type PasswordResetBody = Static<typeof PasswordResetBody>;

export const LinkBody = Type.Object({ token: LinkToken }, { title: 'LinkBody', additionalProperties: false });
export type LinkBody = Static<typeof LinkBody>;

export const EmailChangeBody = Type.Object(
  { currentPassword: PasswordText, newEmail: EmailAddress },
  { title: 'EmailChangeBody', additionalProperties: false },
);
export type EmailChangeBody = Static<typeof EmailChangeBody>;
