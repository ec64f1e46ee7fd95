// `tags`, `summary` and their kind in the schema of a route.
/// <reference types="@fastify/swagger" preserve="true" />
// First: an older Node is told so.
import './cli/supported-node.js';
import './cli/working-directory.js';

// The application.
export { serve } from './serve.js';
export { createApp, type Application, type CreateAppOptions } from './application.js';
export type { ApplicationOptions } from './app.js';

// Who may call a route, and who calls it.
export {
  Authenticated,
  BearerOrBody,
  BodyLimit,
  CurrentUser,
  EmailVerified,
  OptionalUser,
  Public,
  Roles,
} from './access/route-access.decorators.js';
export { Ended } from './access/ended.decorator.js';
export { RateLimit, type RouteRateLimit } from './access/rate-limit.decorator.js';
export { JwtAuthGuard } from './access/jwt-auth.guard.js';
export type { Principal } from './access/principal.js';
export { Client, type ClientInfo } from './http/client-info.js';

// Errors.
export {
  defineProblem,
  Problem,
  type FieldError,
  type Occurrence,
  type ProblemDefinition,
  type ProblemFactory,
  type ProblemKind,
  type SecurityEvent,
} from './problems/problem.js';
export { problemResponses, type ProblemResponse } from './problems/problem-responses.js';
export { NoContent } from './http/no-content.schema.js';
export type { OpenApiInfo } from './openapi/openapi-info.js';

// What a module injects.
export { Users, type ApplicationUser, type RequestedBy, type UserChange } from './users/users.js';
export type { ApplicationHooks, ClaimsUser, Providers, RegisteredUser } from './users/application-hooks.js';
export type { CustomClaims } from './tokens/custom-claims.js';
export type { StoredJson } from './users/stored-json.js';
export { Database, type Statements } from './database/database.js';
export { violatedForeignKey, violatedIndex } from './database/database-errors.js';
export { Audit, type ApplicationEvent } from './audit/audit.js';
export { BackgroundJobs, type JobOptions } from './jobs/background-jobs.js';
export { ApplicationRateLimits, type ApplicationLimit } from './rate-limits/application-rate-limits.js';
export type { LimitPolicy } from './rate-limits/limit-policies.js';
