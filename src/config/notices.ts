/** What users can be told by mail of what has happened to their account. Each is the name of a mail. */
export const NOTICES = [
  'password_changed',
  'address_changed',
  'account_deleted',
  'refresh_token_reused',
  'unknown_device',
] as const;
export type Notice = (typeof NOTICES)[number];
