import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { registerPublic } from './openapi.js';

/** What Swagger UI needs from this origin; its icons are data URIs in its style sheet, its styles partly inline. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Serves `/docs`, Swagger UI from files of this machine alone, over the document of registerOpenApi. Await it after that. */
export async function registerDocs(fastify: FastifyInstance): Promise<void> {
  await registerPublic(fastify, async (open) => {
    await open.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: CONTENT_SECURITY_POLICY,
      theme: { title: 'Gatehouse' },
      uiConfig: { layout: 'BaseLayout', deepLinking: true, displayRequestDuration: true },
    });
  });
}
