import swagger, { type StaticDocumentSpec } from '@fastify/swagger';
import Fastify, { type FastifyInstance, type RouteHandlerMethod } from 'fastify';
import { notFound } from '../problems/http-status.problems.js';
import { registerPublicRoutes } from './openapi-document.js';

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

type Specification = StaticDocumentSpec['document'];
type Page = Pick<Awaited<ReturnType<FastifyInstance['inject']>>, 'statusCode' | 'headers' | 'rawPayload'>;

/** All there is, each by one name. */
const PATH = /^\/docs(?:\/(?:static\/)?[\w.-]{0,64})?$/;

/**
 * Serves `/docs`, Swagger UI from files of this machine alone, over the document of registerOpenApi. It takes as long to load
 * as a tenth of the whole start, so that waits for the first visitor. Await it after registerOpenApi.
 */
export async function registerSwaggerUi(fastify: FastifyInstance): Promise<void> {
  await registerPublicRoutes(fastify, async (open) => {
    let site: Promise<FastifyInstance> | undefined;
    const pages = new Map<string, Page>();
    const load = async (path: string): Promise<Page> => {
      site ??= openSite(fastify.swagger() as Specification);
      const { statusCode, headers, rawPayload } = await (await site).inject(path);
      // Kept is what there is, or the paths that strangers make up would fill the memory.
      if (statusCode >= 400) throw notFound();
      const { date: _, connection: __, ...lasting } = headers;
      return { statusCode, headers: lasting, rawPayload };
    };
    const serve: RouteHandlerMethod = async ({ url }, reply) => {
      const [path = ''] = url.split('?');
      if (!PATH.test(path)) throw notFound();
      // One copy of a megabyte for however many clients are slow to read it.
      const page = pages.get(path) ?? (await load(path));
      pages.set(path, page);
      return reply.code(page.statusCode).headers(page.headers).send(page.rawPayload);
    };
    open.get('/docs', { schema: { hide: true } }, serve);
    open.get('/docs/*', { schema: { hide: true } }, serve);
    open.addHook('onClose', async () => (await site)?.close());
  });
}

async function openSite(document: Specification): Promise<FastifyInstance> {
  const { default: swaggerUi } = await import('@fastify/swagger-ui');
  const site = Fastify();
  await site.register(swagger, { mode: 'static', specification: { document } });
  await site.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: CONTENT_SECURITY_POLICY,
    theme: { title: 'Gatehouse' },
    uiConfig: { layout: 'BaseLayout', deepLinking: true, displayRequestDuration: true },
  });
  return site;
}
