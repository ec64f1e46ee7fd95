import { Type, type Static } from 'typebox';
import { DeviceToken } from '../rate-limits/device-token.schema.js';
import { PasswordText } from '../passwords/password.schema.js';
import { EmailAddress } from '../users/email-address.schema.js';
import { Profile } from '../users/users.schemas.js';

export const RegisterBody = Type.Object(
  { email: EmailAddress, password: PasswordText, profile: Type.Optional(Profile) },
  { title: 'RegisterBody', additionalProperties: false },
);
export type RegisterBody = Static<typeof RegisterBody>;

export const LoginBody = Type.Object(
  {
    email: EmailAddress,
    password: PasswordText,
    deviceToken: Type.Optional(
      DeviceToken({
        description:
          'From the last login on this device. This login then has limits of its own, which nobody else can use up.',
      }),
    ),
  },
  { title: 'LoginBody', additionalProperties: false },
);
export type LoginBody = Static<typeof LoginBody>;

/** Any text: one that is not a refresh token of ours is 401, not 400. */
const RefreshToken = Type.String({ minLength: 1, maxLength: 1024, contentEncoding: 'base64url' });

export const RefreshBody = Type.Object(
  { refresh_token: RefreshToken },
  { title: 'RefreshBody', additionalProperties: false },
);
export type RefreshBody = Static<typeof RefreshBody>;

/** May be absent where a bearer token is sent. */
export const LogoutBody = Type.Union([
  Type.Object({ refresh_token: RefreshToken }, { title: 'LogoutBody', additionalProperties: false }),
  Type.Null(),
]);
export type LogoutBody = Static<typeof LogoutBody>;

export const LogoutQuery = Type.Object(
  {
    scope: Type.Optional(
      Type.Union([Type.Literal('local'), Type.Literal('others'), Type.Literal('global')], {
        description: 'This session (the default), all but this one, or all.',
      }),
    ),
  },
  { title: 'LogoutQuery', additionalProperties: false },
);
export type LogoutQuery = Static<typeof LogoutQuery>;
export type LogoutScope = NonNullable<LogoutQuery['scope']>;
/** Of a logout that names no scope. */
export const DEFAULT_LOGOUT_SCOPE: LogoutScope = 'local';

/** RFC 6749 section 5.1. */
export const TokenResponse = Type.Object(
  {
    access_token: Type.String(),
    token_type: Type.Literal('Bearer'),
    expires_in: Type.Integer({ description: 'Seconds until the access token expires.' }),
    refresh_token: Type.String({ description: 'Exchange it once for the next; see refresh.' }),
  },
  { title: 'TokenResponse', additionalProperties: false },
);
export type TokenResponse = Static<typeof TokenResponse>;

export const LoginResponse = Type.Object(
  {
    ...TokenResponse.properties,
    deviceToken: Type.Optional(Type.String({ description: 'Keep it for the next login from this device.' })),
  },
  { title: 'LoginResponse', additionalProperties: false },
);
export type LoginResponse = Static<typeof LoginResponse>;

/** The caller, from the claims of the access token. */
export const PrincipalView = Type.Object(
  {
    kind: Type.Literal('user'),
    userId: Type.String({ format: 'uuid' }),
    email: Type.String(),
    roles: Type.Array(Type.String()),
    sessionId: Type.String({ format: 'uuid' }),
    expiresAt: Type.String({ format: 'date-time' }),
  },
  { title: 'PrincipalView', additionalProperties: false },
);
export type PrincipalView = Static<typeof PrincipalView>;

export const SessionView = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    createdAt: Type.String({ format: 'date-time' }),
    refreshedAt: Type.String({ format: 'date-time', description: 'Last refresh; the login when there was none.' }),
    userAgent: Type.Union([Type.String(), Type.Null()], { description: 'Of the login, cut to 256 characters.' }),
    network: Type.Union([Type.String(), Type.Null()], { description: 'Of the login: /24 of IPv4, /48 of IPv6.' }),
    isCurrent: Type.Boolean({ description: 'Whether this is the session of the request.' }),
  },
  { title: 'SessionView', additionalProperties: false },
);
export type SessionView = Static<typeof SessionView>;

export const SessionPage = Type.Object(
  {
    items: Type.Array(SessionView, { description: 'Newest first.' }),
    nextCursor: Type.Union([Type.String(), Type.Null()], { description: 'For the next page; null on the last.' }),
  },
  { title: 'SessionPage', additionalProperties: false },
);
export type SessionPage = Static<typeof SessionPage>;

/** Parameters stay strings: types are not coerced. */
export const SessionPageQuery = Type.Object(
  {
    cursor: Type.Optional(Type.String({ format: 'uuid', description: '`nextCursor` of the page before.' })),
    limit: Type.Optional(
      Type.String({ pattern: '^([1-9]|[1-9]\\d|100)$', description: 'From 1 to 100; 20 by default.' }),
    ),
  },
  { title: 'SessionPageQuery', additionalProperties: false },
);
export type SessionPageQuery = Static<typeof SessionPageQuery>;
/** Sessions of a page whose request names no limit. */
export const DEFAULT_SESSION_PAGE_SIZE = '20';

export const SessionParams = Type.Object(
  { id: Type.String({ format: 'uuid' }) },
  { title: 'SessionParams', additionalProperties: false },
);
export type SessionParams = Static<typeof SessionParams>;

/** RFC 7517 section 5, public members only. */
export const JwkSet = Type.Object(
  {
    keys: Type.Array(
      Type.Object(
        {
          kty: Type.String(),
          kid: Type.String(),
          alg: Type.String(),
          use: Type.Literal('sig'),
          crv: Type.Optional(Type.String()),
          x: Type.Optional(Type.String()),
          y: Type.Optional(Type.String()),
          n: Type.Optional(Type.String()),
          e: Type.Optional(Type.String()),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { title: 'JwkSet', additionalProperties: false },
);
