import { tokenMissing } from '../access/access.problems.js';
import type { Problem } from '../problems/problem.js';

/** 401 `token_missing`: a logout that names no session, neither by an access token nor by a refresh token. */
export function logoutTokenMissing(): Problem {
  return tokenMissing({ detail: 'Send an access token as Authorization: Bearer, or a refresh_token in the body.' });
}
