/**
 * HTML Living Standard, `input type=email`, with the lengths of RFC 5321: 254 characters, 64 of them in the local part. Tests
 * in time that grows with the length alone.
 */
export const EMAIL_ADDRESS =
  /^(?=.{1,254}$)[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;
