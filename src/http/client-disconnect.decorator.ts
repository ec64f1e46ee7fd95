import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

/** An AbortSignal that aborts when the client goes away before it is answered. */
export const ClientDisconnect = createParamDecorator((_: unknown, context: ExecutionContext) =>
  disconnectSignal(context.switchToHttp().getResponse<FastifyReply>()),
);

/** Fastify's own `request.signal` will not do: it aborts as soon as the body has been read. */
function disconnectSignal({ raw }: FastifyReply): AbortSignal {
  const client = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) client.abort();
  });
  if (raw.destroyed) client.abort();
  return client.signal;
}
