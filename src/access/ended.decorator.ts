import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

const HAS_ENDED = Symbol('@Ended()');

const EndedParameter = createParamDecorator((_data: unknown, context: ExecutionContext): AbortSignal => {
  const request = context.getArgByIndex<FastifyRequest>(0);
  return request.server.endedSignals.signalFor(request, context.getArgByIndex<FastifyReply>(1));
});

/**
 * An AbortSignal that aborts as soon as the credential of the request would be refused (logout, ban, expiry, a revoked
 * key), the process begins to shut down, or the client disconnects. For handlers whose answers go on for long, as event
 * streams do. The reason is the problem that a request would be refused with, or else an AbortError. An answer that has
 * begun and goes on is cut off a quarter of a second later, and a stream that begins afterwards a quarter of a second after that.
 */
export const Ended = (): ParameterDecorator => (target, name, index) => {
  EndedParameter()(target, name, index);
  if (name !== undefined) Reflect.defineMetadata(HAS_ENDED, true, Reflect.get(target, name) as object);
};

/** Whether a parameter of the handler has `@Ended()`. */
export function hasEnded(handler: unknown): boolean {
  return typeof handler === 'function' && Reflect.hasMetadata(HAS_ENDED, handler);
}
