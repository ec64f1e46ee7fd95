import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { parseSettings } from '../dist/config/read-settings.js';
import { sharedSigningKey } from '../dist/tokens/signing-key.js';

/** Shared by the application and its peers, so that all accept the same tokens. */
export const JWT_SECRET = 'hQ3kX9vB5nM1rT7yU2wE8iO4pA6sD0fG';
export const ISSUER = parseSettings({}).issuer;

const { kid, privateKey } = sharedSigningKey(JWT_SECRET);
const HEADER = encode({ typ: 'at+jwt', alg: 'HS256', kid });
const TTL_SECONDS = 3600;

/** HS256 access tokens of this many users and sessions, with the application's claims and any others, valid for an hour. */
export function mintTokens(count: number, others: object = {}): string[] {
  return Array.from({ length: count }, () => {
    const iat = Math.floor(Date.now() / 1000);
    const claims = {
      client_id: 'gatehouse',
      sid: randomUUID(),
      email: `${randomBytes(8).toString('hex')}@example.com`,
      iat,
      exp: iat + TTL_SECONDS,
      aud: ISSUER,
      iss: ISSUER,
      sub: randomUUID(),
      jti: randomUUID(),
      ...others,
    };
    const signed = `${HEADER}.${encode(claims)}`;
    return `${signed}.${createHmac('sha256', privateKey).update(signed).digest('base64url')}`;
  });
}

export function mintToken(others: object = {}): string {
  const [token = ''] = mintTokens(1, others);
  return token;
}

/** The token with a random signature of the same length. */
export function forgeSignature(token: string): string {
  const [header, claims, signature = ''] = token.split('.');
  return `${header}.${claims}.${randomBytes(Buffer.from(signature, 'base64url').length).toString('base64url')}`;
}

/** The answer of `GET /v1/auth/me` to the token. */
export function viewOf(token: string): Record<string, unknown> {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    sub: string;
    email: string;
    sid: string;
    exp: number;
    roles?: string[];
  };
  const { sub, email, sid, exp, roles = [] } = claims;
  return { kind: 'user', userId: sub, email, roles, sessionId: sid, expiresAt: new Date(exp * 1000).toISOString() };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
