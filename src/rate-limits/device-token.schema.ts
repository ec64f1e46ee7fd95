import { Type } from 'typebox';

/** Any text: what is no device token of ours names no device. */
export const DeviceToken = (options: { readonly description: string }) =>
  Type.String({ maxLength: 1024, contentEncoding: 'base64url', ...options });
