import swagger, { type StaticDocumentSpec } from '@fastify/swagger';
import Fastify, { type FastifyInstance, type RouteHandlerMethod } from 'fastify';
import { notFound } from '../problems/http-status.problems.js';
import { registerPublicRoutes } from './openapi-document.js';

/** What Swagger UI needs: its icons are data URIs in its style sheet, and some of its styles are inline. */
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

type Specification = StaticDocumentSpec['document'];
type Page = Pick<Awaited<ReturnType<FastifyInstance['inject']>>, 'statusCode' | 'headers' | 'rawPayload'>;

/** The paths of all files, each in its only valid spelling. */
const PATH = /^\/docs(?:\/(?:static\/)?[\w.-]{0,64})?$/;

/**
 * Serves Swagger UI at `/docs` for the document of registerOpenApi; the page loads nothing from other hosts.
 * Loading Swagger UI would make the start a tenth longer, so it is loaded for the first visitor. Await this
 * function after registerOpenApi.
 */
export async function registerSwaggerUi(fastify: FastifyInstance, title: string): Promise<void> {
  await registerPublicRoutes(fastify, async (scope) => {
    let site: Promise<FastifyInstance> | undefined;
    const pages = new Map<string, Page>();
    const load = async (path: string): Promise<Page> => {
      site ??= startSite(fastify.swagger() as Specification, title);
      const { statusCode, headers, rawPayload } = await (await site).inject(path);
      // Only files that exist are cached, so that made-up paths cannot fill the memory.
      if (statusCode >= 400) throw notFound();
      const { date: _, connection: __, ...lasting } = headers;
      return { statusCode, headers: lasting, rawPayload };
    };
    const serve: RouteHandlerMethod = async ({ url }, reply) => {
      const [path = ''] = url.split('?');
      if (!PATH.test(path)) throw notFound();
      // All clients share one copy: a file may have a megabyte, and slow clients keep it in memory.
      const page = pages.get(path) ?? (await load(path));
      pages.set(path, page);
      return reply.code(page.statusCode).headers(page.headers).send(page.rawPayload);
    };
    scope.get('/docs', { schema: { hide: true } }, serve);
    scope.get('/docs/*', { schema: { hide: true } }, serve);
    scope.addHook('onClose', async () => (await site)?.close());
  });
}

async function startSite(document: Specification, title: string): Promise<FastifyInstance> {
  const { default: swaggerUi } = await import('@fastify/swagger-ui');
  const site = Fastify();
  await site.register(swagger, { mode: 'static', specification: { document } });
  await site.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: CONTENT_SECURITY_POLICY,
    theme: { title },
    uiConfig: { layout: 'BaseLayout', deepLinking: true, displayRequestDuration: true },
  });
  return site;
}
