import type { ProblemFactory } from '../problems/problem.js';
import { forbidden } from './access.problems.js';
import type { Principal } from './principal.js';

const ROLE = /^[a-z][a-z0-9_-]{0,31}$/;

/** Whether a text can be a role: a lower-case letter, then up to 31 lower-case letters, digits, `_` and `-`. */
export function isRole(text: unknown): text is string {
  return typeof text === 'string' && ROLE.test(text);
}

/** The part of a Fastify route's `config` that says whose requests the authentication hook lets pass. */
export interface RolesRoute {
  /** The caller must have one of these. */
  readonly roles?: readonly string[];
}

/** Whether the caller has one of the roles. */
export function hasAnyRole({ roles: own }: Principal, roles: readonly string[]): boolean {
  // A strategy of the application may make a principal without roles, and a route of a plugin may have any config.
  return Array.isArray(own) && Array.isArray(roles) && own.some((role) => roles.includes(role));
}

/** The problems that the roles add to a route with this config, for the OpenAPI document. */
export function roleProblems(config: unknown): readonly ProblemFactory[] {
  return rolesOf(config) === undefined ? [] : [forbidden];
}

/** Who may call a route with this config, for the OpenAPI document; undefined where any user may. */
export function describeRoles(config: unknown): string | undefined {
  const roles = rolesOf(config)?.map((role) => `\`${role}\``);
  if (roles === undefined) return undefined;
  return roles.length === 1
    ? `For users with the role ${roles[0]}.`
    : `For users with one of the roles ${roles.join(', ')}.`;
}

function rolesOf(config: unknown): readonly string[] | undefined {
  return (config as RolesRoute | undefined)?.roles;
}
