import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Controller, Delete, Get, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, RouteConfig, RouteSchema, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Type } from 'typebox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notFound, serviceUnavailable } from '../problems/http-status.problems.js';
import { ProblemFilter } from '../problems/problem.filter.js';
import { defineOwnProblem, defineProblem } from '../problems/problem.js';
import { registerSwaggerUi } from './swagger-ui.js';
import { registerOpenApi } from './openapi-document.js';
import { problemResponses } from '../problems/problem-responses.js';
import { httpServerOptions, prepareHttp, registerHttp } from '../http/http-server.js';

const tokenMissing = defineOwnProblem({ code: 'token_missing', status: 401, detail: 'Send a bearer token.' });
const titleTaken = defineProblem({ code: 'title_taken', status: 409, detail: 'Another note has this title.' });
const titleOdd = defineProblem({ code: 'title_odd', status: 400, detail: 'The title is odd.' });

const NoteView = Type.Object(
  { id: Type.String({ format: 'uuid' }), title: Type.String() },
  { $id: 'NoteView', additionalProperties: false, description: 'A note.' },
);
const NoteBody = Type.Object({ title: Type.String({ minLength: 1 }) }, { additionalProperties: false });
const NotePath = Type.Object({ id: Type.String({ format: 'uuid' }) }, { additionalProperties: false });
const NoteQuery = Type.Object(
  { limit: Type.Optional(Type.String({ pattern: '^[0-9]{1,2}$' })) },
  { additionalProperties: false },
);

@Controller('notes')
class NotesController {
  @Get()
  @RouteConfig({ access: 'public' })
  @RouteSchema({
    operationId: 'listNotes',
    summary: 'List notes',
    tags: ['notes'],
    querystring: NoteQuery,
    response: {
      200: Type.Array(NoteView, { description: 'Notes, newest first.' }),
      ...problemResponses(serviceUnavailable),
    },
  })
  list(): object[] {
    return [];
  }

  @Post()
  @RouteSchema({
    operationId: 'writeNote',
    summary: 'Write a note',
    tags: ['notes'],
    body: NoteBody,
    response: { 201: NoteView, ...problemResponses(titleTaken, titleOdd) },
  })
  write(): never {
    throw titleTaken();
  }

  @Delete(':id')
  @RouteSchema({
    operationId: 'deleteNote',
    summary: 'Delete a note',
    tags: ['notes'],
    params: NotePath,
    response: { 204: Type.Null({ description: 'It is gone.' }), ...problemResponses(notFound) },
  })
  remove(): void {}
}

@Module({ controllers: [NotesController] })
class NotesModule {}

interface ProblemSchema {
  allOf: [{ $ref: string }, { properties: { code: { enum: string[] } } }];
}
interface Operation {
  security: object[];
  responses: Record<
    string,
    { description: string; headers?: object; content?: Record<string, { schema: ProblemSchema }> }
  >;
}
interface Document {
  openapi: string;
  components: { schemas: Record<string, object> };
  paths: Record<string, Record<string, Operation>>;
}

let app: NestFastifyApplication;
let document: Document;
const routes: { url: string | undefined; method: unknown; access: unknown }[] = [];
/** The payloads of all responses. */
const payloads: unknown[] = [];

beforeAll(async () => {
  const http = prepareHttp({ https: false });
  app = await NestFactory.create<NestFastifyApplication>(NotesModule, new FastifyAdapter(httpServerOptions(http)), {
    bodyParser: false,
    logger: false,
  });
  const fastify = app.getHttpAdapter().getInstance();
  registerHttp(fastify, http);
  await registerOpenApi(fastify, {
    title: 'Notes',
    version: '1.2.3',
    description: 'Notes and their tags.',
    license: { name: 'MIT', identifier: 'MIT' },
    authenticationProblems: [tokenMissing],
    tags: [{ name: 'notes', description: 'What was noted.' }],
  });
  await registerSwaggerUi(fastify, 'Notes');
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { url, method, config } = request.routeOptions;
    routes.push({ url, method, access: 'access' in config ? config.access : undefined });
    done();
  });
  fastify.addHook('onSend', (_request, _reply, payload, done) => {
    payloads.push(payload);
    done();
  });
  app.useGlobalFilters(new ProblemFilter(() => undefined));
  await app.init();
  await fastify.ready();
  document = (await app.inject('/openapi.json')).json<Document>();
});

afterAll(() => app.close());

function codesOf(operation: Operation | undefined, status: number): string[] | undefined {
  const { schema } = operation?.responses[status]?.content?.['application/problem+json'] ?? {};
  return schema?.allOf[1].properties.code.enum;
}

describe('the OpenAPI document', () => {
  it('is clean under redocly’s recommended rules', { timeout: 60_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gatehouse-openapi-'));
    try {
      const file = join(folder, 'openapi.json');
      await writeFile(file, JSON.stringify(document));
      const redocly = join(import.meta.dirname, '../../node_modules/.bin/redocly');
      const env = { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
      const options = { cwd: folder, env };
      const linted = promisify(execFile)(
        process.execPath,
        [redocly, 'lint', '--extends=recommended', '--format=json', file],
        options,
      );
      const { stdout } = await linted.catch((failure: { stdout: string }) => failure);
      const report = JSON.parse(stdout) as { version: string; problems: { message: string }[] };
      expect(report).toMatchObject({ version: expect.any(String) as string, problems: [] });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('lists the routes with their own schemas, once each', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths)).toEqual(['/notes', '/notes/{id}']);
    expect(Object.keys(document.components.schemas).toSorted()).toEqual(['NoteView', 'Problem']);
    expect(document.components.schemas['NoteView']).toMatchObject({
      additionalProperties: false,
      required: ['id', 'title'],
    });
  });

  it('lists exactly the problems that a route can send, by status', () => {
    const write = document.paths['/notes']?.['post'];
    expect(codesOf(write, 409)).toEqual(['title_taken']);
    expect(codesOf(write, 400)).toEqual(['title_odd', 'request_malformed', 'validation_failed', 'json_malformed']);
    expect(codesOf(write, 401)).toEqual(['token_missing']);
    expect(write?.responses['409']?.description).toBe('* `title_taken`: Another note has this title.');
    expect(Object.keys(write?.responses ?? {})).toEqual([
      '201',
      '400',
      '401',
      '408',
      '409',
      '413',
      '414',
      '415',
      '417',
      '431',
      '500',
    ]);
  });

  it('marks a route as public or guarded by the config that the authentication hook reads', () => {
    const list = document.paths['/notes']?.['get'];
    expect(list?.security).toEqual([]);
    expect(list?.responses).not.toHaveProperty('401');
    expect(list?.responses).not.toHaveProperty('415');
    expect(document.paths['/notes/{id}']?.['delete']?.security).toEqual([{ bearer: [] }]);
  });

  it('documents the response headers that clients use', () => {
    const { post: write, get: list } = document.paths['/notes'] ?? {};
    expect(write?.responses['401']?.headers).toHaveProperty('WWW-Authenticate');
    expect(list?.responses['503']?.headers).toHaveProperty('Retry-After');
  });

  it('does not limit the members of a problem response', async () => {
    const answer = await app.inject({ method: 'POST', url: '/notes', payload: { title: 'a' } });
    expect(answer.json()).toMatchObject({ code: 'title_taken', status: 409, detail: 'Another note has this title.' });
  });
});

describe('/docs', () => {
  it('loads nothing from other hosts', async () => {
    const page = await app.inject('/docs');
    expect(page.statusCode).toBe(200);
    const links = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '');
    expect(links.length).toBeGreaterThan(4);
    for (const link of links) {
      expect(link).toMatch(/^\/docs\//);
      expect((await app.inject(link)).statusCode).toBe(200);
    }
    expect((await app.inject('/docs/json')).json()).toEqual(document);
  });

  it('serves each file at one path only, from one cached copy', async () => {
    for (const alias of ['/docs/static/%73wagger-ui.css', '/docs/static//swagger-ui.css']) {
      expect([alias, (await app.inject(alias)).statusCode]).toEqual([alias, 404]);
    }
    payloads.length = 0;
    for (const _ of [1, 2]) await app.inject('/docs/static/swagger-ui.css');
    expect(payloads).toEqual([expect.any(Buffer), expect.any(Buffer)]);
    expect(payloads[0]).toBe(payloads[1]);
  });

  it('has a Content-Security-Policy that allows only what the page needs', async () => {
    const policy = (await app.inject('/docs')).headers['content-security-policy'];
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toMatch(/https?:/);
    expect(policy).not.toContain('upgrade-insecure-requests');
  });

  it('is public, with the document, its files and HEAD', async () => {
    routes.length = 0;
    for (const url of ['/docs', '/docs/', '/docs/static/swagger-ui.css', '/openapi.json']) {
      await app.inject({ method: 'HEAD', url });
      await app.inject({ method: 'GET', url });
    }
    expect(routes).toHaveLength(8);
    expect(routes.filter(({ access }) => access !== 'public')).toEqual([]);
  });
});
