import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

export const MAX_USER_AGENT_LENGTH = 256;

/** The client of a request, for rate limits, sessions and the audit trail. */
export interface ClientInfo {
  /** The client's address; behind `TRUSTED_PROXIES`, the address from `X-Forwarded-For`. */
  readonly address: string;
  readonly userAgent: string | undefined;
  /** `Accept-Language`, by which mail because of the request is written. */
  readonly acceptLanguage?: string | undefined;
  /** A UUID: the `instance` of a problem response, and `reqId` in the log. */
  readonly requestId: string;
}

/** The part of a `User-Agent` that is stored. */
export function truncateUserAgent(userAgent: string | undefined): string | null {
  return userAgent?.slice(0, MAX_USER_AGENT_LENGTH) || null;
}

/** The client of the request, as {@link ClientInfo}. */
export const Client = createParamDecorator((_: unknown, context: ExecutionContext): ClientInfo => {
  const { ip, headers, id } = context.switchToHttp().getRequest<FastifyRequest>();
  return { address: ip, userAgent: headers['user-agent'], acceptLanguage: headers['accept-language'], requestId: id };
});
