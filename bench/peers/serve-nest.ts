import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { FastifyAdapter, NestFastifyApplication } from '@nestjs/platform-fastify';
import { serveFastify } from './peer.ts';

export async function serveNest(module: Type, adapter: FastifyAdapter): Promise<void> {
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, { logger: ['warn', 'error'] });
  await app.init();
  await serveFastify({
    async listen({ host, port }) {
      await app.listen(port, host);
      return app.getUrl();
    },
    close: () => app.close(),
  });
}
