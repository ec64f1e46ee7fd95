import { Type } from 'typebox';

/** A password in a body: bounded before anything is counted or hashed; the policy has the rules. */
export const PasswordText = Type.String({ minLength: 1, maxLength: 1024 });
