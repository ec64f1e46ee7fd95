import { Type, type Static } from 'typebox';
import { DeviceToken } from '../rate-limits/device-token.schema.js';
import { PasswordText } from '../passwords/password.schema.js';

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

export const DeletionBody = Type.Object(
  { currentPassword: PasswordText },
  { title: 'DeletionBody', additionalProperties: false },
);
export type DeletionBody = Static<typeof DeletionBody>;
