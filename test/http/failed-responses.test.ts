import { Controller, Get, Header, HttpCode, Injectable, Module, Param, Res, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RouteSchema } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { Type } from 'typebox';
import { beforeAll, describe, expect, it } from 'vitest';
import { Public } from '../../src/access/route-access.decorators.js';
import { afterAllTests, startApp, type TestApp } from '../support/app.js';

const circular: Record<string, unknown> = {};
circular['self'] = circular;

/** A stream that fails at the first read. */
const brokenStream = (): Readable =>
  new Readable({
    read() {
      this.destroy(new Error('m4rker'));
    },
  });

type Handler = (reply: FastifyReply) => unknown;

const withPreparation =
  (prepare: Handler, returned: unknown): Handler =>
  (reply) => {
    prepare(reply);
    return returned;
  };

/** Handlers: what they do with the reply, and what they return. */
const FAILURES: Readonly<Record<string, Handler>> = {
  'a line break in a header': withPreparation((reply) => reply.header('x-name', 'a\nb'), {}),
  'a header beyond Latin-1': withPreparation(
    (reply) => reply.header('content-disposition', 'attachment; filename="Ж.txt"'),
    {},
  ),
  'a line break in one of two cookies': withPreparation((reply) => reply.header('set-cookie', ['a=b', 'c=\n']), {}),
  'an invalid header name': withPreparation((reply) => reply.header('x name', 'a'), {}),
  'a header that is not a string': withPreparation((reply) => reply.header('x-name', Symbol('a')), {}),
  'a line break in the content type': withPreparation((reply) => reply.type('text/plain\n'), 'text'),
  'a line break in a header of a stream': (reply) => {
    reply.header('x-name', 'a\nb');
    return Readable.from(['text']);
  },
  'a line break in a header, and an error': (reply) => {
    reply.header('x-name', 'a\nb');
    throw new Error('m4rker');
  },
  'a line break in the reason phrase': (reply) => {
    reply.raw.statusMessage = 'a\nb';
    return {};
  },
  'a status under 100': withPreparation((reply) => reply.code(99), {}),
  'a status over 999': (reply) => {
    reply.raw.statusCode = 1000;
    return {};
  },
  'the status of an upgrade': withPreparation((reply) => reply.code(101), {}),
  'the status of an interim response': withPreparation((reply) => reply.code(103), {}),
  'a BigInt': () => 1n,
  'a BigInt in an object': () => ({ id: 1n }),
  'a circular object': () => circular,
  'an object whose toJSON fails': () => ({
    toJSON() {
      throw new Error('m4rker');
    },
  }),
  'an object as text': withPreparation((reply) => reply.type('text/plain'), { a: 1 }),
  'a number as text': withPreparation((reply) => reply.type('text/plain'), 5),
  'a stream that fails at once': brokenStream,
  'a missing file': () => createReadStream('/m4rker'),
  'a failing stream with content headers': (reply) => {
    reply.headers({ 'content-type': 'text/html', 'content-encoding': 'gzip', 'content-length': '7', etag: '"x"' });
    return brokenStream();
  },
  'a web stream that fails at once': () =>
    new ReadableStream({
      pull() {
        throw new Error('m4rker');
      },
    }),
  'a locked web stream': () => {
    const stream = new ReadableStream();
    stream.getReader();
    return stream;
  },
  'a hook that fails on every payload': withPreparation((reply) => reply.header('x-hook-fails', 'yes'), {}),
};

@Controller('v1/tests')
class TestsController {
  @Get('returned/:name')
  @Public()
  returned(@Param('name') name: string, @Res({ passthrough: true }) reply: FastifyReply): unknown {
    return FAILURES[name]?.(reply);
  }

  @Get('sent/:name')
  @Public()
  sent(@Param('name') name: string, @Res() reply: FastifyReply): void {
    void reply.send(FAILURES[name]?.(reply));
  }

  @Get('schema')
  @Public()
  @RouteSchema({ response: { 200: Type.Object({ count: Type.Integer() }) } })
  schema(): object {
    return { count: 'many' };
  }

  @Get('header')
  @Public()
  @Header('x-name', 'a\nb')
  header(): object {
    return {};
  }

  @Get('code')
  @Public()
  @HttpCode(1000)
  code(): object {
    return {};
  }
}

const nameOf = (params: unknown): string => (params as { name: string }).name;

/** A plugin with routes and a hook. */
@Injectable()
class Plugin implements OnModuleInit {
  constructor(private readonly host: HttpAdapterHost) {}

  onModuleInit(): void {
    const fastify = this.host.httpAdapter.getInstance<FastifyInstance>();
    fastify.addHook('onSend', async (_request, reply, payload) => {
      if (reply.hasHeader('x-hook-fails')) throw new Error('m4rker');
      return payload;
    });
    const options = { config: { access: 'public' } };
    fastify.get('/v1/tests/plugin/:name', options, async ({ params }, reply) => FAILURES[nameOf(params)]?.(reply));
    fastify.get('/v1/tests/callback/:name', options, ({ params }, reply) => {
      void reply.send(FAILURES[nameOf(params)]?.(reply));
    });
  }
}

@Module({ controllers: [TestsController], providers: [Plugin] })
class TestsModule {}

let app: TestApp;
const onFinished = afterAllTests();

beforeAll(async () => {
  app = await startApp({ features: [TestsModule] }, onFinished);
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** The responses to a GET, and to a second one pipelined on the same connection. */
async function answersTo(path: string): Promise<Answer[]> {
  const { hostname, port } = new URL(app.url);
  const socket = connect(Number(port), hostname).setEncoding('utf8');
  let text = '';
  socket.on('error', () => undefined).on('data', (more: string) => (text += more));
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\nGET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  );
  await once(socket, 'close');
  return text
    .split(/HTTP\/1\.1 (?=\d)/)
    .slice(1)
    .map((answer) => {
      const [head = '', body = ''] = answer.split('\r\n\r\n');
      const [line = '', ...fields] = head.split('\r\n');
      const headers = new Headers(fields.map((field) => field.split(/: (.*)/, 2) as [string, string]));
      return { status: Number.parseInt(line, 10), headers, body };
    });
}

async function expectProblem(path: string): Promise<void> {
  const before = app.log().length;
  const [failed, next, ...others] = await answersTo(path);
  const { status, headers, body } = failed ?? { status: 0, headers: new Headers(), body: '' };
  expect([path, status, body]).toEqual([path, 500, expect.stringContaining('"code":"internal_error"')]);
  expect(body).not.toMatch(/m4rker|ERR_/);
  expect(headers.get('content-length')).toBe(String(Buffer.byteLength(body)));
  expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(JSON.parse(body)).toMatchObject({ status: 500, instance: `urn:uuid:${headers.get('x-request-id')}` });
  for (const name of ['x-name', 'content-encoding', 'content-disposition', 'etag', 'set-cookie'])
    expect([path, name, headers.get(name)]).toEqual([path, name, null]);
  expect([path, next?.status, others]).toEqual([path, 200, []]);
  const lines = app.log().slice(before);
  expect(lines.filter(({ level }) => Number(level) >= 40)).toMatchObject([{ level: 50, code: 'internal_error' }]);
  expect(lines.filter(({ msg, status: logged }) => msg === 'request' && logged === 500)).toHaveLength(1);
}

describe('a response that cannot be sent', () => {
  it.each(Object.keys(FAILURES))(
    'because of %s becomes a problem, is logged once, and the connection continues (API-03)',
    async (name) => {
      for (const way of ['returned', 'sent', 'plugin', 'callback'])
        await expectProblem(`/v1/tests/${way}/${encodeURIComponent(name)}`);
    },
  );

  it.each(['schema', 'header', 'code'])('because of the %s in a decorator becomes a problem (API-03)', async (name) => {
    await expectProblem(`/v1/tests/${name}`);
  });
});
