import { TokenError } from './token-error.js';

/**
 * The verified claims of an access token (RFC 9068 section 2.2). Times are seconds since
 * 1970, possibly with a fraction.
 */
export interface AccessTokenClaims {
  readonly iss: string;
  /** The user's id, a lower-case UUID. */
  readonly sub: string;
  readonly aud: string | readonly string[];
  readonly exp: number;
  readonly iat: number;
  readonly nbf?: number;
  readonly jti: string;
  readonly client_id: string;
  /** The session's id, a lower-case UUID. */
  readonly sid: string;
  readonly email?: string;
  /** OpenID Connect Core section 5.1; absent for false. */
  readonly email_verified?: boolean;
  readonly roles?: readonly string[];
  /** The version of the user's row from which all that the token says of the user was taken; absent for 0. */
  readonly rv?: number;
}

export interface ExpectedClaims {
  readonly issuer: string;
  readonly audience: string;
}

export interface TimeLimits {
  /** Allowed clock difference in both directions (RFC 7519 section 4.1.4). */
  readonly clockToleranceSeconds: number;
  /** How far in the future `exp` may be, without the tolerance. */
  readonly maxLifetimeSeconds: number;
}

/** RFC 7519 section 4.1.4 allows a few minutes at most; this verifier allows one. */
const MAX_CLOCK_TOLERANCE_SECONDS = 60;
const MAX_ID_LENGTH = 255;
/** RFC 5321 section 4.5.3.1.3, without the brackets. */
const MAX_EMAIL_LENGTH = 254;
/** Lower case only: revocations match a session by the text of its id. */
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

/**
 * Checks every rule about claims that does not depend on the time.
 * @returns the claims, or TokenError `claims`
 */
export function checkClaims(
  claims: Readonly<Record<string, unknown>>,
  expected: ExpectedClaims,
): AccessTokenClaims | TokenError {
  if (claims['iss'] !== expected.issuer) return invalid('iss is not the issuer'); // RFC 9068 section 4
  if (!includesAudience(claims['aud'], expected.audience)) return invalid('aud is not the audience'); // RFC 7519 section 4.1.3
  if (!Number.isFinite(claims['exp'])) return invalid('exp is not a number'); // RFC 7519 section 4.1.4
  if (!isAbsentOr(Number.isFinite, claims['nbf'])) return invalid('nbf is not a number'); // RFC 7519 section 4.1.5
  if (!Number.isFinite(claims['iat'])) return invalid('iat is not a number'); // RFC 7519 section 4.1.6
  if (!isUuid(claims['sub'])) return invalid('sub is not a UUID');
  if (!isUuid(claims['sid'])) return invalid('sid is not a UUID');
  if (!isText(claims['jti'], MAX_ID_LENGTH)) return invalid('jti is not a short string'); // RFC 7519 section 4.1.7
  if (!isText(claims['client_id'], MAX_ID_LENGTH)) return invalid('client_id is not a short string'); // RFC 9068 section 2.2
  if (!isAbsentOr(isEmail, claims['email'])) return invalid('email is not a short string');
  if (!isAbsentOr(isBoolean, claims['email_verified'])) return invalid('email_verified is not true or false');
  if (!isAbsentOr(isRoles, claims['roles'])) return invalid('roles is not a list of short strings');
  if (!isAbsentOr(isVersion, claims['rv'])) return invalid('rv is not a version');
  return claims as unknown as AccessTokenClaims;
}

/** @throws {RangeError} when the clock tolerance is not from 0 to 60 seconds */
export function requireClockTolerance({ clockToleranceSeconds }: TimeLimits): void {
  if (clockToleranceSeconds >= 0 && clockToleranceSeconds <= MAX_CLOCK_TOLERANCE_SECONDS) return;
  throw new RangeError(`The clock tolerance is not from 0 to ${MAX_CLOCK_TOLERANCE_SECONDS} seconds`);
}

/**
 * Checks every rule that depends on the time. Can be repeated for a token that was verified before.
 * @param now seconds since 1970
 * @returns TokenError `expired`, `not_yet_valid`, `claims`, or undefined
 */
export function checkTimes(claims: AccessTokenClaims, now: number, limits: TimeLimits): TokenError | undefined {
  const { clockToleranceSeconds: tolerance, maxLifetimeSeconds } = limits;
  if (now >= claims.exp + tolerance) return new TokenError('expired', 'exp has passed');
  if (claims.exp > now + maxLifetimeSeconds + tolerance) return invalid('exp is too far ahead'); // RFC 6750 section 5.3
  if (claims.nbf !== undefined && now < claims.nbf - tolerance) return new TokenError('not_yet_valid', 'nbf is ahead');
  if (now < claims.iat - tolerance) return new TokenError('not_yet_valid', 'iat is ahead');
  return undefined;
}

/** The period in which {@link checkTimes} passes: from `validFrom` on and before `validUntil`. */
export function validityPeriod(
  { exp, iat, nbf = iat }: AccessTokenClaims,
  { clockToleranceSeconds: tolerance, maxLifetimeSeconds }: TimeLimits,
): { validFrom: number; validUntil: number } {
  const validFrom = Math.max(iat - tolerance, nbf - tolerance, exp - maxLifetimeSeconds - tolerance);
  return { validFrom, validUntil: exp + tolerance };
}

function includesAudience(aud: unknown, audience: string): boolean {
  if (!Array.isArray(aud)) return aud === audience;
  return aud.every((member) => typeof member === 'string') && aud.includes(audience);
}

function isAbsentOr(isValid: (value: unknown) => boolean, value: unknown): boolean {
  return value === undefined || isValid(value);
}

function isUuid(value: unknown): boolean {
  return typeof value === 'string' && UUID.test(value);
}

function isText(value: unknown, maxLength: number): boolean {
  return typeof value === 'string' && value !== '' && value.length <= maxLength;
}

function isEmail(value: unknown): boolean {
  return isText(value, MAX_EMAIL_LENGTH);
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}

function isRoles(value: unknown): boolean {
  return Array.isArray(value) && value.every((role) => isText(role, MAX_ID_LENGTH));
}

function isVersion(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function invalid(reason: string): TokenError {
  return new TokenError('claims', reason);
}
