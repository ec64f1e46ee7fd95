import { Type } from 'typebox';

/**
 * A password in a request body. Bounds its length before it is counted or hashed; the rules
 * are in `password-policy.ts`.
 */
export const PasswordText = Type.String({ minLength: 1, maxLength: 1024 });
