import { Body, Controller, Get, Header, Module, Param, Post, type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, RouteSchema, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Type, type Static } from 'typebox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProblemFilter } from '../problems/problem.filter.js';
import { BODY_LIMIT_BYTES } from './body-limit.js';
import { registerSwaggerUi } from '../openapi/swagger-ui.js';
import { registerOpenApi } from '../openapi/openapi-document.js';
import { httpServerOptions, prepareHttp, registerHttp } from './http-server.js';

const NoteBody = Type.Object(
  {
    title: Type.String({ minLength: 1, maxLength: 40 }),
    kind: Type.Optional(Type.Union([Type.Literal('plain'), Type.Literal('rich')])),
    'a/b~c': Type.Optional(Type.Integer({ maximum: 9 })),
    author: Type.Optional(Type.Object({ email: Type.String({ format: 'email' }) }, { additionalProperties: false })),
  },
  { additionalProperties: false },
);
const NoteView = Type.Object({ title: Type.String() }, { additionalProperties: false });
const NotePath = Type.Object({ id: Type.String({ format: 'uuid' }) }, { additionalProperties: false });
const NoteQuery = Type.Object(
  { scope: Type.Optional(Type.Union([Type.Literal('local'), Type.Literal('global')])) },
  { additionalProperties: false },
);

@Controller('notes')
class NotesController {
  @Get()
  list(): object {
    return { notes: [] };
  }

  @Post()
  @RouteSchema({ body: NoteBody, response: { 201: NoteView } })
  write(@Body() note: Static<typeof NoteBody>): object {
    return { ...note, secret: 'never declared' };
  }

  @Get('search')
  @RouteSchema({ querystring: NoteQuery })
  @Header('cache-control', 'public, max-age=60')
  search(): object {
    return {};
  }

  @Get('by-id/:id')
  @RouteSchema({ params: NotePath })
  read(@Param('id') id: string): object {
    return { id };
  }

  @Get('by-name/:name')
  named(@Param('name') name: string): object {
    return { name };
  }

  @Get('broken')
  broken(): never {
    throw new Error('the reason stays here');
  }
}

@Module({ controllers: [NotesController] })
class NotesModule {}

/** What Nest logs at warn and above. */
const nestWarnings: unknown[] = [];
const logger: LoggerService = {
  log: () => undefined,
  warn: (message: unknown) => nestWarnings.push(message),
  error: (message: unknown) => nestWarnings.push(message),
};

let app: NestFastifyApplication;

beforeAll(async () => {
  const http = prepareHttp({ https: true });
  app = await NestFactory.create<NestFastifyApplication>(NotesModule, new FastifyAdapter(httpServerOptions(http)), {
    bodyParser: false,
    logger,
  });
  const fastify = app.getHttpAdapter().getInstance();
  registerHttp(fastify, http);
  await registerOpenApi(fastify, { title: 'Test', version: '1.2.3', authenticationProblems: [], tags: [] });
  await registerSwaggerUi(fastify, 'Test');
  app.useGlobalFilters(new ProblemFilter(() => undefined));
  await app.init();
  await fastify.ready();
});

afterAll(() => app.close());

type Request = Parameters<NestFastifyApplication['inject']>[0] & object;
interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: { code: string; detail: string; errors?: { pointer: string; detail: string }[] } & Record<string, unknown>;
}

async function call(request: Request): Promise<Answer> {
  const answer = await app.inject(request);
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body: answer.body === '' ? {} : answer.json(),
  } as Answer;
}

const get = (url: string): Promise<Answer> => call({ method: 'GET', url });
const post = (payload: string | Buffer, type = 'application/json', more: object = {}): Promise<Answer> =>
  call({ method: 'POST', url: '/notes', payload, headers: { 'content-type': type, ...more } });
const send = (body: unknown): Promise<Answer> => post(JSON.stringify(body));

/** A body of exactly `size` bytes. */
const filled = (size: number): string => `{"title":"${'x'.repeat(size - 12)}"}`;

/** Status and code of a problem, after a check of what all problems have in common. */
function problem({ status, headers, body }: Answer): string {
  expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(body['status']).toBe(status);
  expect(body['type']).toBe(`urn:gatehouse:problem:${body.code}`);
  expect(body['instance']).toBe(`urn:uuid:${String(headers['x-request-id'])}`);
  expect(headers['cache-control']).toBe('no-store');
  expect(headers['x-content-type-options']).toBe('nosniff');
  return `${status} ${body.code}`;
}

describe('a path or method that is not routed', () => {
  it('is 404 for an unknown path, whatever the method, type and body', async () => {
    expect(problem(await get('/nothing'))).toBe('404 not_found');
    expect(problem(await get('/notes/'))).toBe('404 not_found');
    const posted = await call({ method: 'POST', url: '/nothing', payload: '{', headers: { 'content-type': 'text/x' } });
    expect(problem(posted)).toBe('404 not_found');
  });

  it.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY'] as const)(
    'is 405 with Allow for %s on a known path',
    async (method) => {
      const answer = await call({ method, url: '/notes?x=1' });
      expect(problem(answer)).toBe('405 method_not_allowed');
      expect(answer.headers['allow']).toBe('GET, HEAD, POST');
    },
  );

  it('is 404 for an OPTIONS on an unknown path', async () => {
    expect(problem(await call({ method: 'OPTIONS', url: '/nothing' }))).toBe('404 not_found');
  });

  it('is 405 on a path with a parameter and on the document', async () => {
    const answer = await call({ method: 'DELETE', url: '/notes/by-name/x' });
    expect(answer.headers['allow']).toBe('GET, HEAD');
    expect(problem(await call({ method: 'POST', url: '/openapi.json' }))).toBe('405 method_not_allowed');
    expect(problem(await get('/docs/static/nothing.js'))).toBe('404 not_found');
  });

  it('answers HEAD as GET, without the body', async () => {
    const [head, full] = await Promise.all([app.inject({ method: 'HEAD', url: '/notes' }), app.inject('/notes')]);
    expect(head.statusCode).toBe(200);
    expect(head.body).toBe('');
    expect(head.headers['content-length']).toBe(full.headers['content-length']);
  });
});

describe('a body', () => {
  it('is answered with declared members only', async () => {
    const answer = await send({ title: 'héllo ‮😀 \u0001', kind: 'rich' });
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({ title: 'héllo ‮😀 \u0001' });
  });

  it.each([
    ['duplicate names', '{"title":"a","title":"b"}'],
    ['U+0000', String.raw`{"title":"a\u0000"}`],
    ['a lone surrogate', String.raw`{"title":"\ud800"}`],
    ['deep nesting', '['.repeat(8000)],
    ['no grammar', '{title:1}'],
    ['nothing at all', ''],
  ])('with %s is 400', async (_case, payload) => {
    expect(problem(await post(payload))).toBe('400 json_malformed');
  });

  it('with invalid UTF-8 is 400', async () => {
    expect(problem(await post(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])))).toBe('400 json_malformed');
  });

  it('over the limit is 413, at the limit it is read', async () => {
    expect(problem(await post(filled(BODY_LIMIT_BYTES + 1)))).toBe('413 body_too_large');
    expect(problem(await post(filled(BODY_LIMIT_BYTES)))).toBe('400 validation_failed');
  });

  it.each([
    ['text/plain', {}],
    ['application/x-www-form-urlencoded', {}],
    ['application/jsonx', {}],
    ['application/problem+json', {}],
    ['multipart/form-data; boundary=x', {}],
    ['application/json; charset=utf-16', {}],
    ['application/json;charset="ISO-8859-1"', {}],
    ['nonsense', {}],
    ['application/json', { 'content-encoding': 'gzip' }],
  ])('as %s %o is 415', async (type, more) => {
    expect(problem(await post('{"title":"a"}', type, more))).toBe('415 media_type_unsupported');
  });

  it('without a media type is 415', async () => {
    const answer = await call({ method: 'POST', url: '/notes', payload: Buffer.from('{}'), headers: {} });
    expect(problem(answer)).toBe('415 media_type_unsupported');
  });

  it.each(['application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"', 'application/json; version=1'])(
    'as %s is read',
    async (type) => {
      expect((await post('{"title":"a"}', type)).status).toBe(201);
    },
  );

  it('on a GET is ignored', async () => {
    const answer = await call({ method: 'GET', url: '/notes', payload: '{', headers: { 'content-type': 'text/x' } });
    expect(answer.status).toBe(200);
  });
});

describe('validation', () => {
  it.each([
    ['null', null, ''],
    ['an array', [{ title: 'a' }], ''],
    ['a string', 'title', ''],
    ['an empty object', {}, '/title'],
    ['null for a string', { title: null }, '/title'],
    ['a number for a string', { title: 1 }, '/title'],
    ['an object for a string', { title: {} }, '/title'],
    ['too short a string', { title: '' }, '/title'],
    ['a string for a number', { title: 'a', 'a/b~c': '1' }, '/a~1b~0c'],
    ['an unknown member', { title: 'a', isAdmin: true }, '/isAdmin'],
    ['an unknown member to escape', { title: 'a', 'x/~': true }, '/x~1~0'],
    ['a nested unknown member', { title: 'a', author: { email: 'a@b.c', role: 1 } }, '/author/role'],
    ['a nested missing member', { title: 'a', author: {} }, '/author/email'],
    ['an address with a line break', { title: 'a', author: { email: '"\n"@iana.org' } }, '/author/email'],
    ['a value outside a closed set', { title: 'a', kind: 'other' }, '/kind'],
  ])('points at %s', async (_case, body, pointer) => {
    const answer = await send(body);
    expect(problem(answer)).toBe('400 validation_failed');
    expect(answer.body.errors?.map((flaw) => flaw.pointer)).toEqual([pointer]);
  });

  it('points at every flaw, up to twenty, and repeats no value', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`m${index}`, 'hunter2-secret']));
    const answer = await send({ title: 'x'.repeat(41), kind: 'hunter2-secret', ...unknown });
    expect(answer.body.errors).toHaveLength(20);
    const { body } = await send({ title: 'hunter2-secret'.repeat(3), kind: 'hunter2-secret', 'a/b~c': 10 });
    expect(body.errors).toEqual([
      { pointer: '/title', detail: 'Must have at most 40 characters.' },
      { pointer: '/kind', detail: 'Must be "plain" or "rich".' },
      { pointer: '/a~1b~0c', detail: 'Must be at most 9.' },
    ]);
  });

  it('requires a body', async () => {
    const answer = await call({ method: 'POST', url: '/notes' });
    expect(problem(answer)).toBe('400 validation_failed');
    expect(answer.body.errors).toEqual([{ pointer: '', detail: 'Must be of type object.' }]);
  });

  it('does not log its failures as errors', async () => {
    nestWarnings.length = 0;
    await send({});
    await post('{');
    await get('/nothing');
    await get('/notes?x=%zz');
    expect(nestWarnings).toEqual([]);
  });
});

describe('a path', () => {
  it.each([
    ['/notes/by-name/%00', '400 request_malformed'],
    ['/notes/by-name/a%00b', '400 request_malformed'],
    ['/notes/by-name/%zz', '400 request_malformed'],
    ['/notes/by-name/%ff', '400 request_malformed'],
    ['/notes/by-name/%ED%A0%80', '400 request_malformed'],
    ['/notes/by-name/%c0%80', '400 request_malformed'],
    ['/%', '400 request_malformed'],
    ['/nothing/%00', '400 request_malformed'],
    ['/nothing?x=%00', '400 request_malformed'],
    ['/notes/by-name/', '404 not_found'],
    [`/notes/by-name/${'x'.repeat(101)}`, '414 uri_too_long'],
    [`/${'x'.repeat(5000)}`, '414 uri_too_long'],
    [`/notes?x=${'x'.repeat(5000)}`, '414 uri_too_long'],
    ['/notes/by-id/1', '400 validation_failed'],
    ['/notes/by-id/..%2f..%2fetc', '400 validation_failed'],
    ['/notes/by-id/0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b%0a', '400 validation_failed'],
    ['/docs/static/%00', '400 request_malformed'],
    ['/docs/static/..%2f..%2fpackage.json', '404 not_found'],
  ])('%s is refused', async (url, expected) => {
    expect(problem(await get(url))).toBe(expected);
  });

  it('gets an error that names the parameter', async () => {
    const { body } = await get('/notes/by-id/1');
    expect(body.errors).toEqual([{ pointer: '{id}', detail: 'Must be written as uuid.' }]);
  });

  it('accepts unusual but valid characters', async () => {
    const name = "héllo ' OR 1=1 --😀%/?#";
    expect((await get(`/notes/by-name/${encodeURIComponent(name)}`)).body).toEqual({ name });
  });
});

describe('a query', () => {
  it.each([
    ['/notes/search?scope=local&scope=local', ['?scope']],
    ['/notes/search?scope=local&sc%6fpe=global', ['?scope']],
    ['/notes/search?scope=all', ['?scope']],
    ['/notes/search?Scope=local', ['?Scope']],
    ['/notes/search?scope[]=local', ['?scope[]']],
    ['/notes/search?__proto__=1', ['?__proto__']],
    ['/notes/search?scope', ['?scope']],
    ['/notes?a=1&b=2', ['?a', '?b']],
    ['/notes?=1', ['?']],
    ['/openapi.json?x=1', ['?x']],
    ['/docs?x=1', ['?x']],
  ])('%s is 400', async (url, pointers) => {
    const answer = await get(url);
    expect(problem(answer)).toBe('400 validation_failed');
    expect(answer.body.errors?.map(({ pointer }) => pointer)).toEqual(pointers);
  });

  it.each(['scope=%', 'scope=%zz', 'scope=%00', '%00=x', 'scope=%ff', 'scope=%ED%A0%80', 'x=%C0%80'])(
    '%s is malformed',
    async (query) => {
      expect(problem(await get(`/notes/search?${query}`))).toBe('400 request_malformed');
    },
  );

  it.each(['', '?', '?&', '?scope=local', '?s%63ope=global', '?scope=lo%63al&'])('%s is accepted', async (query) => {
    expect((await get(`/notes/search${query}`)).status).toBe(200);
  });
});

describe('every response', () => {
  it.each(['/notes', '/nothing', '/notes/broken', '/notes/by-name/%', '/openapi.json', '/docs'])(
    '%s has the security headers',
    async (url) => {
      const { headers } = await app.inject(url);
      expect(headers).toMatchObject({
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'x-content-type-options': 'nosniff',
        'strict-transport-security': expect.stringContaining('max-age=31536000') as string,
        'content-security-policy': expect.stringContaining("default-src 'none'") as string,
        'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      });
      expect(headers).not.toHaveProperty('server');
      expect(headers).not.toHaveProperty('x-powered-by');
    },
  );

  it('has Cache-Control: no-store unless its route sets another', async () => {
    expect((await get('/notes')).headers['cache-control']).toBe('no-store');
    expect((await get('/notes/search')).headers['cache-control']).toBe('public, max-age=60');
  });

  it('does not show the reason of a 500', async () => {
    const answer = await get('/notes/broken');
    expect(problem(answer)).toBe('500 internal_error');
    expect(JSON.stringify(answer.body)).not.toContain('reason');
  });
});
