import type { Problem, ProblemFactory } from '../problems/problem.js';
import { emailUnverified, forbidden, sharedProblems } from './access.problems.js';
import type { Principal } from './principal.js';

const ROLE = /^[a-z][a-z0-9_-]{0,31}$/;
export const ROLE_RULE =
  'A role is a lower-case letter, then at most 31 lower-case letters, digits, hyphens and underscores.';

/** Whether a text can be a role: a lower-case letter, then up to 31 lower-case letters, digits, `_` and `-`. */
export function isRole(text: unknown): text is string {
  return typeof text === 'string' && ROLE.test(text);
}

/** The part of a Fastify route's `config` that says whose requests the authentication hook lets pass. */
export interface RuledRoute {
  /** The caller must have one of these. */
  readonly roles?: readonly string[];
  /** The caller's address must be verified. */
  readonly emailVerified?: true;
}

/** Why the rules of a route refuse the caller, if they do. */
export function refusalByRules(caller: Principal, { roles, emailVerified }: RuledRoute): Problem | undefined {
  if (roles !== undefined && !hasAnyRole(caller, roles)) return sharedProblems.forbidden;
  // A strategy of the application may make a principal without it, or with a method of this name.
  if (emailVerified !== undefined && (caller.emailVerified as unknown) !== true) return sharedProblems.emailUnverified;
  return undefined;
}

/** The names of the rules of a route, in what decorators declare and in its `config`. */
export const RULES = ['roles', 'emailVerified'] as const satisfies readonly (keyof RuledRoute)[];

/** Whether the caller has one of the roles. */
function hasAnyRole({ roles: own }: Principal, roles: readonly string[]): boolean {
  // A strategy of the application may make a principal without roles, and a route of a plugin may have any config.
  return Array.isArray(own) && Array.isArray(roles) && own.some((role) => roles.includes(role));
}

/** The problems that the rules add to a route with this config, for the OpenAPI document. */
export function ruleProblems(config: unknown): readonly ProblemFactory[] {
  const { roles, emailVerified } = rulesOf(config);
  return [...(roles === undefined ? [] : [forbidden]), ...(emailVerified === undefined ? [] : [emailUnverified])];
}

/** Who may call a route with this config, for the OpenAPI document; undefined where any user may. */
export function describeRules(config: unknown): string | undefined {
  const { roles, emailVerified } = rulesOf(config);
  const names = roles?.map((role) => `\`${role}\``) ?? [];
  const having = [
    ...(names.length === 0
      ? []
      : [names.length === 1 ? `the role ${names[0]}` : `one of the roles ${names.join(', ')}`]),
    ...(emailVerified === undefined ? [] : ['a verified address']),
  ];
  return having.length === 0 ? undefined : `For users with ${having.join(' and ')}.`;
}

function rulesOf(config: unknown): RuledRoute {
  return (config as RuledRoute | undefined) ?? {};
}
