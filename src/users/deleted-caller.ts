import { tokenRevoked } from '../access/access.problems.js';
import { TokenPrincipal, type Principal } from '../access/principal.js';
import { isForeignKeyViolation } from '../database/database-errors.js';
import type { Problem } from '../problems/problem.js';
import type { Users } from './users.js';

/**
 * Answers a request whose caller was deleted while it was handled, so that a foreign key to the users refused what it wrote,
 * as the next one with its token: 401 `token_revoked`.
 * @returns undefined for an error that has another cause
 */
export function deletedCallerProblem(
  error: unknown,
  { user }: { readonly user?: Principal },
  users: Users,
): Promise<Problem | undefined> | undefined {
  if (!(user instanceof TokenPrincipal) || !isForeignKeyViolation(error)) return undefined;
  return users.find({ id: user.userId }).then((found) => (found === null ? tokenRevoked({ cause: error }) : undefined));
}
