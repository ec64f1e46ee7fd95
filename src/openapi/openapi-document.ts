import swagger, { type FastifyDynamicSwaggerOptions, type SwaggerTransformObject } from '@fastify/swagger';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { ProblemBody } from '../problems/problem-body.js';
import { replaceResponseWithProblem } from '../problems/problem.filter.js';
import { acceptsNoBody } from '../http/content-type-parser.js';
import type { OpenApiInfo } from './openapi-info.js';
import { operationSchema, schemeName, type RouteProblems } from './openapi-operation.js';

export interface OpenApiSettings extends RouteProblems, OpenApiInfo {
  readonly title: string;
  readonly version: string;
  /** One per tag that routes use. */
  readonly tags: NonNullable<OpenApiInfo['tags']>;
}

type OpenApiOptions = NonNullable<FastifyDynamicSwaggerOptions['openapi']>;
type SecuritySchemes = NonNullable<NonNullable<OpenApiOptions['components']>['securitySchemes']>;

interface RequestBody {
  readonly content?: Readonly<Record<string, { readonly schema?: unknown }>>;
  required?: boolean;
}

/**
 * Serves the OpenAPI 3.1 document of all routes added afterwards at `GET /openapi.json`, made from the schemas that
 * validate and serialise. Await it before Nest adds its routes.
 */
export async function registerOpenApi(fastify: FastifyInstance, settings: OpenApiSettings): Promise<void> {
  const securitySchemes = { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } };
  fastify.addHook('onRoute', ({ config, schema }) => {
    const { strategies } = (config ?? {}) as { strategies?: unknown };
    if (Array.isArray(strategies) && schema?.hide !== true) {
      for (const name of strategies.map(String)) {
        const scheme = settings.securitySchemeOf?.(name);
        if (scheme !== undefined) Object.assign(securitySchemes, { [schemeName(name)]: scheme });
      }
    }
  });
  fastify.addSchema(ProblemBody);
  await fastify.register(swagger, {
    openapi: { ...describe(settings), components: { securitySchemes: securitySchemes as SecuritySchemes } },
    stripBasePath: false,
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, index) =>
        typeof schema['$id'] === 'string' ? schema['$id'].replaceAll(/[^\w.-]/g, '_') : `Schema${index}`,
    },
    transform: ({ schema, url, route }) => ({ schema: operationSchema(schema, route, settings), url }),
    transformObject: withOptionalBodies,
  });
  await registerPublicRoutes(fastify, serveDocument);
}

/** Registers a plugin whose routes are all public, and whose errors are sent as problems. */
export async function registerPublicRoutes(fastify: FastifyInstance, plugin: FastifyPluginAsync): Promise<void> {
  await fastify.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = Object.assign({}, route.config, { access: 'public' });
    });
    // Nest sets its error handler too late for these routes.
    scope.setErrorHandler((error, request, reply) =>
      replaceResponseWithProblem(error, () => undefined, request, reply),
    );
    await plugin(scope, {});
  });
}

const serveDocument: FastifyPluginAsync = async (fastify) => {
  // All responses share these bytes.
  let text: Buffer | undefined;
  fastify.get('/openapi.json', { schema: { hide: true } }, (_request, reply) => {
    text ??= Buffer.from(JSON.stringify(fastify.swagger()));
    return reply.type('application/json; charset=utf-8').send(text);
  });
};

function describe({ title, version, description, license, tags }: OpenApiSettings) {
  return {
    openapi: '3.1.0',
    info: {
      title,
      version,
      ...(description !== undefined && { description }),
      ...(license !== undefined && { license }),
    },
    // Relative to the document, so that it is right behind any proxy and on any port.
    servers: [{ url: '/', description: 'The server of this document.' }],
    tags: [...tags],
  };
}

/** @fastify/swagger marks every body with a schema as required; this corrects the optional ones. */
function withOptionalBodies(given: Parameters<SwaggerTransformObject>[0]) {
  if (!('openapiObject' in given)) return given.swaggerObject;
  const { openapiObject } = given;
  for (const path of Object.values(openapiObject.paths ?? {})) {
    for (const { requestBody } of Object.values(path ?? {}) as { requestBody?: RequestBody }[]) {
      const schemas = Object.values(requestBody?.content ?? {}).map(({ schema }) => schema);
      if (requestBody && schemas.every(acceptsNoBody)) requestBody.required = false;
    }
  }
  return openapiObject;
}
