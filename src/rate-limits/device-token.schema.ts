import { Type } from 'typebox';

/** Any text: one that is not a device token of ours names no device, and is no error. */
export const DeviceToken = (options: { readonly description: string }) =>
  Type.String({ maxLength: 1024, contentEncoding: 'base64url', ...options });
