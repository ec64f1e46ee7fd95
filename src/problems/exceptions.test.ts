import {
  All,
  BadRequestException,
  ConflictException,
  Controller,
  ForbiddenException,
  Get,
  GoneException,
  HttpException,
  InternalServerErrorException,
  MethodNotAllowedException,
  Module,
  NotFoundException,
  Param,
  ParseIntPipe,
  ParseUUIDPipe,
  PayloadTooLargeException,
  Put,
  Res,
  ServiceUnavailableException,
  UnprocessableEntityException,
  UseGuards,
  type CanActivate,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { httpServerOptions, prepareHttp, registerHttp } from '../http/http-server.js';
import { logOptions } from '../logging/log-options.js';
import { ProblemFilter } from './problem.filter.js';

const circular: Record<string, unknown> = { statusCode: 409 };
circular['message'] = circular;

/** An exception of a second copy of `@nestjs/common`. */
const foreign = (status: unknown, response: () => unknown): Error =>
  Object.assign(new Error('m4rker'), { getStatus: () => status, getResponse: response });

const withMembers = (members: object): Error => Object.assign(new Error('said by the error'), members);

/** What a handler throws, and the status, code and detail of the answer. */
const KEPT: Readonly<Record<string, [thrown: () => unknown, status: number, code: string, detail: string]>> = {
  forbidden: [() => new ForbiddenException('not yours'), 403, 'forbidden', 'not yours'],
  'no message': [() => new ForbiddenException(), 403, 'forbidden', 'Forbidden'],
  'an empty message': [() => new ForbiddenException(''), 403, 'forbidden', 'Forbidden'],
  conflict: [() => new ConflictException('taken'), 409, 'conflict', 'taken'],
  unprocessable: [() => new UnprocessableEntityException('no'), 422, 'unprocessable_content', 'no'],
  'too large': [() => new PayloadTooLargeException('too big'), 413, 'content_too_large', 'too big'],
  'not found': [() => new NotFoundException('no such note'), 404, 'not_found', 'no such note'],
  list: [() => new BadRequestException(['a flaw', 'another', circular]), 400, 'bad_request', 'a flaw; another'],
  coded: [() => new HttpException({ code: 'note_locked', message: 'locked' }, 423), 423, 'note_locked', 'locked'],
  'only a code': [() => new ConflictException({ code: 'note_locked' }), 409, 'note_locked', 'Conflict'],
  'a code that is none': [() => new ConflictException({ code: 'P2002 x', message: 'm' }), 409, 'conflict', 'm'],
  'a status without a name': [() => new HttpException('enough', 420), 420, 'status_420', 'enough'],
  'a cause of another status': [
    () => new ConflictException('taken', { cause: withMembers({ code: 'FST_ERR_X', statusCode: 404 }) }),
    409,
    'conflict',
    'taken',
  ],
  'an error as response': [() => new ConflictException(new Error('m4rker')), 409, 'conflict', 'Conflict'],
  'a circular response': [() => new ConflictException(circular), 409, 'conflict', 'Conflict'],
  'null as response': [() => foreign(409, () => null), 409, 'conflict', 'Conflict'],
  foreign: [() => foreign(410, () => 'gone for good'), 410, 'gone', 'gone for good'],
  'http-errors': [() => withMembers({ statusCode: 409, expose: true }), 409, 'conflict', 'said by the error'],
  'a plugin': [
    () => withMembers({ name: 'FastifyError', code: 'FST_FILE_TYPE', statusCode: 406 }),
    406,
    'not_acceptable',
    'said by the error',
  ],
  'a plugin’s limit': [
    () => withMembers({ name: 'FastifyError', code: 'FST_REQ_FILE_TOO_LARGE', statusCode: 413 }),
    413,
    'body_too_large',
    'The body is larger than this route reads.',
  ],
};

/** What a handler throws, and the status and code of the answer, which says nothing of it. */
const HIDDEN: Readonly<Record<string, [thrown: () => unknown, status: number, code: string]>> = {
  'a defect': [() => new InternalServerErrorException('m4rker'), 500, 'internal_error'],
  'a bad gateway': [() => new HttpException('m4rker', 502), 502, 'bad_gateway'],
  'a coded 502': [() => new HttpException({ code: 'mailbox_down', message: 'm4rker' }, 502), 502, 'mailbox_down'],
  unavailable: [() => new ServiceUnavailableException('m4rker'), 503, 'service_unavailable'],
  'a coded 503': [() => new HttpException({ code: 'mailbox_full', message: 'm4rker' }, 503), 503, 'mailbox_full'],
  'a status below 400': [() => new HttpException('m4rker', 299), 500, 'internal_error'],
  'a status over 599': [() => new HttpException('m4rker', 1000), 500, 'internal_error'],
  'a status that is none': [() => foreign('409', () => 'm4rker'), 500, 'internal_error'],
  'a response that fails': [
    () =>
      foreign(409, () => {
        throw new Error('m4rker');
      }),
    500,
    'internal_error',
  ],
  // Such as the error of an HTTP client, whose status somebody else answered.
  'an error with a status': [
    () => withMembers({ status: 404, statusCode: 404, message: 'm4rker' }),
    500,
    'internal_error',
  ],
  'a hidden 404': [() => withMembers({ statusCode: 404, expose: false, message: 'm4rker' }), 500, 'internal_error'],
  'an object with a status': [() => ({ status: 409, statusCode: 409, message: 'm4rker' }), 500, 'internal_error'],
  'a text': [() => 'm4rker', 500, 'internal_error'],
  null: [() => null, 500, 'internal_error'],
  nothing: [() => undefined, 500, 'internal_error'],
  'a circular object': [() => circular, 500, 'internal_error'],
};

const thrownBy = (name: string): unknown => (KEPT[name]?.[0] ?? HIDDEN[name]?.[0] ?? (() => new Error(name)))();

class Closed implements CanActivate {
  canActivate(): boolean {
    return false;
  }
}

class ClosedLater implements CanActivate {
  canActivate(): Promise<boolean> {
    return Promise.resolve(false);
  }
}

@Controller('v1/tests')
class TestsController {
  @Get('thrown/:name')
  thrown(@Param('name') name: string): never {
    throw thrownBy(name);
  }

  @Get('rejected/:name')
  async rejected(@Param('name') name: string): Promise<never> {
    await Promise.resolve();
    throw thrownBy(name);
  }

  @Get('closed')
  @UseGuards(Closed)
  closed(): object {
    return {};
  }

  @Get('closed-later')
  @UseGuards(ClosedLater)
  closedLater(): object {
    return {};
  }

  @Get('number/:number')
  number(@Param('number', ParseIntPipe) number: number): object {
    return { number };
  }

  @Get('uuid/:id')
  uuid(@Param('id', ParseUUIDPipe) id: string): object {
    return { id };
  }

  @All('status/:status')
  status(@Param('status', ParseIntPipe) status: number): never {
    throw new HttpException('refused', status);
  }

  @Get('own-headers/:status')
  ownHeaders(@Param('status', ParseIntPipe) status: number, @Res({ passthrough: true }) reply: FastifyReply): never {
    void reply.headers({ 'retry-after': '30', allow: 'DELETE', 'www-authenticate': 'Basic realm="notes"' });
    throw new HttpException('refused', status);
  }

  @Get('locked')
  locked(): never {
    throw new MethodNotAllowedException('locked');
  }

  @Put('locked')
  lock(): never {
    throw new GoneException();
  }
}

@Module({ controllers: [TestsController] })
class TestsModule {}

let app: NestFastifyApplication;
const lines: string[] = [];

beforeAll(async () => {
  const http = prepareHttp({ https: false });
  const logger = logOptions('info', { write: (line: string) => void lines.push(line) });
  const adapter = new FastifyAdapter({ ...httpServerOptions(http), logger });
  app = await NestFactory.create<NestFastifyApplication>(TestsModule, adapter, { bodyParser: false, logger: false });
  const fastify = adapter.getInstance();
  registerHttp(fastify, http);
  fastify.get('/v1/tests/plugin/:name', ({ params }) => {
    throw thrownBy((params as { name: string }).name);
  });
  app.useGlobalFilters(new ProblemFilter(() => undefined));
  await app.init();
  await fastify.ready();
});

afterAll(() => app.close());

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Record<string, unknown>;
}

async function get(path: string): Promise<Answer> {
  const { statusCode, headers, body } = await app.inject(`/v1/tests/${path}`);
  return { status: statusCode, headers, body: JSON.parse(body) as Record<string, unknown> };
}

/** The warnings and errors that were logged since the last call. */
function loggedErrors(): Record<string, unknown>[] {
  const logged = lines.splice(0).map((line) => JSON.parse(line) as Record<string, unknown>);
  return logged.filter(({ level }) => Number(level) >= 40);
}

async function headersOf(path: string): Promise<unknown[]> {
  const { headers } = await get(path);
  return ['www-authenticate', 'retry-after', 'allow'].map((name) => headers[name]);
}

const PROBLEM = 'application/problem+json; charset=utf-8';

describe('what a handler throws', () => {
  it.each(Object.entries(KEPT))('keeps its status, code and message: %s', async (name, [, ...expected]) => {
    const [status, code, detail] = expected;
    for (const way of ['thrown', 'rejected', 'plugin']) {
      const answer = await get(`${way}/${encodeURIComponent(name)}`);
      expect([way, answer.status, answer.headers['content-type']]).toEqual([way, status, PROBLEM]);
      expect(answer.body).toMatchObject({ type: `urn:gatehouse:problem:${code}`, status, code, detail });
      expect(Object.keys(answer.body).toSorted()).toEqual(['code', 'detail', 'instance', 'status', 'title', 'type']);
    }
  });

  it.each(Object.entries(HIDDEN))('tells nothing of its message, and is logged once: %s', async (name, hidden) => {
    const [, status, code] = hidden;
    for (const way of ['thrown', 'rejected']) {
      loggedErrors();
      const answer = await get(`${way}/${encodeURIComponent(name)}`);
      expect([way, answer.status, answer.headers['content-type']]).toEqual([way, status, PROBLEM]);
      expect(answer.body).toMatchObject({ type: `urn:gatehouse:problem:${code}`, status, code });
      expect(JSON.stringify(answer.body)).not.toContain('m4rker');
      expect(loggedErrors()).toMatchObject([{ level: 50, code, err: { type: expect.any(String) as string } }]);
    }
  });

  it('has the headers that its status needs, unless the handler has set them', async () => {
    expect(await headersOf('status/401')).toEqual(['Bearer realm="gatehouse"', undefined, undefined]);
    expect(await headersOf('status/403')).toEqual([undefined, undefined, undefined]);
    expect(await headersOf('status/429')).toEqual([undefined, '1', undefined]);
    expect(await headersOf('status/503')).toEqual([undefined, '1', undefined]);
    expect(await headersOf('locked')).toEqual([undefined, undefined, 'PUT']);
    for (const status of [401, 405, 429, 503])
      expect(await headersOf(`own-headers/${status}`)).toEqual(['Basic realm="notes"', '30', 'DELETE']);
  });
});

it.each([
  ['closed', 403, 'forbidden', 'Forbidden resource'],
  ['closed-later', 403, 'forbidden', 'Forbidden resource'],
  ['number/seven', 400, 'bad_request', 'Validation failed (numeric string is expected)'],
  ['uuid/7', 400, 'bad_request', 'Validation failed (uuid is expected)'],
])('what Nest refuses for a handler is a problem: %s is %i %s, %s', async (path, status, code, detail) => {
  loggedErrors();
  const answer = await get(path);
  expect(answer.body).toMatchObject({ status, code, detail });
  expect([answer.status, answer.headers['content-type']]).toEqual([status, PROBLEM]);
  expect(loggedErrors()).toEqual([]);
});
