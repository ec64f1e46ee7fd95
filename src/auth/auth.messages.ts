import { Type, type Static } from 'typebox';
import { EmailAddress } from '../users/user-view.js';

/** Bounds the text before anything is counted or hashed; the policy has the rules. */
const Password = Type.String({ minLength: 1, maxLength: 1024 });

export const RegisterBody = Type.Object(
  { email: EmailAddress, password: Password },
  { title: 'RegisterBody', additionalProperties: false },
);
export type RegisterBody = Static<typeof RegisterBody>;

export const LoginBody = Type.Object(
  { email: EmailAddress, password: Password },
  { title: 'LoginBody', additionalProperties: false },
);
export type LoginBody = Static<typeof LoginBody>;

/** RFC 6749 section 5.1. */
export const TokenResponse = Type.Object(
  {
    access_token: Type.String(),
    token_type: Type.Literal('Bearer'),
    expires_in: Type.Integer({ description: 'Seconds until the access token expires.' }),
  },
  { title: 'TokenResponse', additionalProperties: false },
);
export type TokenResponse = Static<typeof TokenResponse>;

/** The caller as the access token has them. */
export const PrincipalView = Type.Object(
  {
    userId: Type.String({ format: 'uuid' }),
    email: Type.String(),
    sessionId: Type.String({ format: 'uuid' }),
    expiresAt: Type.String({ format: 'date-time' }),
  },
  { title: 'PrincipalView', additionalProperties: false },
);
export type PrincipalView = Static<typeof PrincipalView>;

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
