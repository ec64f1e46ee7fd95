/** The cost parameters of an argon2id hash (RFC 9106 section 3.1). */
export interface Argon2Cost {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

/** Base64 without padding: 16 bytes of salt, 32 bytes of tag. */
const SALT_AND_TAG = /^[A-Za-z\d+/]{22}\$[A-Za-z\d+/]{43}$/;

/** Whether a PHC string has the type, version, salt and tag length that this service writes, and this cost. */
export function isHashOfCost(passwordHash: string, { memoryKib, passes, lanes }: Argon2Cost): boolean {
  const prefix = `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$`;
  return passwordHash.startsWith(prefix) && SALT_AND_TAG.test(passwordHash.slice(prefix.length));
}
