import { Type, type Static } from 'typebox';
import { PasswordText } from '../passwords/password-text.js';

export const PasswordChangeBody = Type.Object(
  { currentPassword: PasswordText, newPassword: PasswordText },
  { title: 'PasswordChangeBody', additionalProperties: false },
);
export type PasswordChangeBody = Static<typeof PasswordChangeBody>;

export const DeletionBody = Type.Object(
  { currentPassword: PasswordText },
  { title: 'DeletionBody', additionalProperties: false },
);
export type DeletionBody = Static<typeof DeletionBody>;
