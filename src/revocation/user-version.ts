/** A user, and the least version whose tokens are accepted. */
export interface UserVersion {
  readonly userId: string;
  readonly version: number;
}

const SUBJECT = /^([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}):(\d{1,10})$/;

/**
 * The subject of a revocation of kind `user`.
 * @throws {TypeError} for a spelling of the id that nodes would not recognise
 */
export function userVersionText(userId: string, version: number): string {
  const subject = `${userId.toLowerCase()}:${version}`;
  if (!SUBJECT.test(subject)) throw new TypeError(`${subject} is no version of a user`);
  return subject;
}

/** Undefined for a text that this service did not write. */
export function parseUserVersion(subject: string): UserVersion | undefined {
  const [, userId, version] = SUBJECT.exec(subject) ?? [];
  return userId === undefined ? undefined : { userId, version: Number(version) };
}
