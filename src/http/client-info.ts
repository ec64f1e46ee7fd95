import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

export const MAX_USER_AGENT_LENGTH = 256;

/** Whence a request comes, for limits, sessions and the audit trail. */
export interface ClientInfo {
  /** The client's address; behind `TRUSTED_PROXIES` as they say. */
  readonly address: string;
  readonly userAgent: string | undefined;
  /** A UUID: the `instance` of the answer's problem, and `reqId` in the log. */
  readonly requestId: string;
}

/** What is kept of a `User-Agent`. */
export function truncateUserAgent(userAgent: string | undefined): string | null {
  return userAgent?.slice(0, MAX_USER_AGENT_LENGTH) || null;
}

/** Who sent the request. */
export const Client = createParamDecorator((_: unknown, context: ExecutionContext): ClientInfo => {
  const { ip, headers, id } = context.switchToHttp().getRequest<FastifyRequest>();
  return { address: ip, userAgent: headers['user-agent'], requestId: id };
});
