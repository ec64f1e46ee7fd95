import { isRole, ROLE_RULE } from '../access/route-rules.js';
import type { Problem } from '../problems/problem.js';
import { validationFailed } from '../http/validation.problems.js';

/** All roles of a user as a list in JSON, as the access token has them. */
export const MAX_ROLES_BYTES = 512;

/** @throws Problem `validation_failed`. */
export function checkRole(role: string): void {
  if (!isRole(role)) {
    throw roleProblem(ROLE_RULE);
  }
}

/** @throws Problem `validation_failed`. */
export function checkRoles(roles: readonly string[]): void {
  if (Buffer.byteLength(JSON.stringify(roles)) > MAX_ROLES_BYTES) {
    throw roleProblem(`All roles of a user together take more than ${MAX_ROLES_BYTES} bytes.`);
  }
}

/** Problem `validation_failed`, which says why a role cannot be granted. */
export function roleProblem(detail: string): Problem {
  return validationFailed({ detail, errors: [{ pointer: '/role', detail }] });
}
