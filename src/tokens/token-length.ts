import type { SignatureAlgorithm } from '../verifier/verification-key.js';
import { MAX_TOKEN_LENGTH } from '../verifier/compact-jws.js';

/** What the length of an access token depends on. */
export interface TokenContent {
  readonly issuer: string;
  readonly audience: string;
  readonly alg: SignatureAlgorithm;
  readonly email: string;
  readonly roles: readonly string[];
  /** Of the claims of the application, as JSON. */
  readonly claimsBytes: number;
}

const SIGNATURE_BYTES: Readonly<Record<SignatureAlgorithm, number>> = { ES256: 64, RS256: 256, HS256: 32 };
const UUID = '00000000-0000-7000-8000-000000000000';
/** The greatest in an `integer` of PostgreSQL. */
const VERSION = 2_147_483_647;
const TIME = 9_999_999_999;
/** RFC 7638 with SHA-256. */
const KID = 'k'.repeat(43);

/** How many characters an access token with this content has at most. */
export function longestToken({ issuer, audience, alg, email, roles, claimsBytes }: TokenContent): number {
  const header = { alg, typ: 'at+jwt', kid: KID };
  const ids = { client_id: 'gatehouse', sid: UUID, sub: UUID, jti: UUID };
  const claims = {
    ...ids,
    iss: issuer,
    aud: audience,
    email,
    email_verified: true,
    roles,
    rv: VERSION,
    iat: TIME,
    exp: TIME,
  };
  const parts = [bytesOf(header), bytesOf(claims) + claimsBytes, SIGNATURE_BYTES[alg]];
  return parts.reduce((sum, bytes) => sum + Math.ceil((bytes * 4) / 3), parts.length - 1);
}

/** Whether every access token with this content is accepted. */
export function fitsToken(content: TokenContent): boolean {
  return longestToken(content) <= MAX_TOKEN_LENGTH;
}

function bytesOf(part: object): number {
  return Buffer.byteLength(JSON.stringify(part));
}
