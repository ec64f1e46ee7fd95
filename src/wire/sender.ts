import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** Whence a request comes, for limits, sessions and the audit trail. */
export interface Sender {
  /** The client's address; behind `TRUSTED_PROXIES` as they say. */
  readonly address: string;
  readonly userAgent: string | undefined;
  /** A UUID: the `instance` of the answer's problem, and `reqId` in the log. */
  readonly requestId: string;
}

/** Who sent the request. */
export const From = createParamDecorator((_: unknown, context: ExecutionContext): Sender => {
  const { ip, headers, id } = context.switchToHttp().getRequest<FastifyRequest>();
  return { address: ip, userAgent: headers['user-agent'], requestId: id };
});
