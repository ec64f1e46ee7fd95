import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply } from 'fastify';

/** An AbortSignal that aborts when the client disconnects before its response was sent. */
export const ClientDisconnect = createParamDecorator((_: unknown, context: ExecutionContext) =>
  disconnectSignal(context.switchToHttp().getResponse<FastifyReply>()),
);

/** Not Fastify's `request.signal`: that aborts as soon as the body has been read. */
function disconnectSignal({ raw }: FastifyReply): AbortSignal {
  const client = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) client.abort();
  });
  if (raw.destroyed) client.abort();
  return client.signal;
}
