import {
  BadRequestException,
  Catch,
  ConflictException,
  Controller,
  ForbiddenException,
  Get,
  HttpException,
  Injectable,
  Module,
  Param,
  Post,
  ServiceUnavailableException,
  UseFilters,
  UseGuards,
  type ArgumentsHost,
  type ExceptionFilter,
  createParamDecorator,
  type ExecutionContext,
  type OnApplicationBootstrap,
  type OnModuleInit,
  type PipeTransform,
  type Type,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { beforeAll, describe, expect, it } from 'vitest';
import { JwtAuthGuard } from '../../src/access/jwt-auth.guard.js';
import type { Principal } from '../../src/access/principal.js';
import {
  Authenticated,
  BearerOrBody,
  CurrentUser,
  OptionalUser,
  Public,
} from '../../src/access/route-access.decorators.js';
import { Problem } from '../../src/problems/problem.js';
import { afterAllTests, startApp, type TestApp } from '../support/app.js';

const THROWN: Readonly<Record<string, () => Error>> = {
  forbidden: () => new ForbiddenException('not yours'),
  conflict: () => new ConflictException('taken'),
  list: () => new BadRequestException(['one flaw', 'another flaw']),
  coded: () => new HttpException({ code: 'note_locked', message: 'locked by somebody' }, 423),
  odd: () => new HttpException('what', 299),
  broken: () => new HttpException('the password of the database is x', 502),
  busy: () => new ServiceUnavailableException('the pool of db-17 is full'),
  // An exception of a second copy of @nestjs/common.
  foreign: () => Object.assign(new Error('gone'), { getStatus: () => 410, getResponse: () => 'gone for good' }),
};

@Injectable()
class ToUserId implements PipeTransform<Principal, string> {
  transform({ userId }: Principal): string {
    return userId;
  }
}

/** A decorator of the application's own. */
const SessionId = createParamDecorator(
  (_data: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<FastifyRequest>().user?.sessionId,
);

@Controller('v1/tests')
class TestsController {
  @Get('unguarded')
  @Public()
  unguarded(@CurrentUser() user: Principal): object {
    return { userId: user.userId };
  }

  @Get('decorators')
  decorators(@SessionId() sessionId: string, @CurrentUser(ToUserId) userId: string): object {
    return { sessionId, userId };
  }

  @Get('plain-guard')
  @Public()
  @UseGuards(AuthGuard('jwt'))
  plainGuard(@CurrentUser() user: Principal): object {
    return { userId: user.userId };
  }

  @Get('our-guard')
  @Public()
  @UseGuards(JwtAuthGuard)
  ourGuard(@CurrentUser() user: Principal): object {
    return { userId: user.userId };
  }

  @Get('both')
  @UseGuards(AuthGuard('jwt'))
  both(@CurrentUser() user: Principal): object {
    return { userId: user.userId };
  }

  @Post('token-or-body')
  @BearerOrBody()
  tokenOrBody(@OptionalUser() user: Principal | undefined): object {
    return { userId: user?.userId ?? null };
  }

  @Post('unchecked')
  @BearerOrBody()
  unchecked(): object {
    return { userId: 'anybody' };
  }

  @Post('token-only')
  @BearerOrBody()
  tokenOnly(@CurrentUser() user: Principal): object {
    return { userId: user.userId };
  }

  @Get('thrown/:name')
  @Public()
  thrown(@Param('name') name: string): never {
    throw THROWN[name]?.() ?? new Error(name);
  }
}

@Module({ controllers: [TestsController] })
class TestsModule {}

@Controller('v1/opened')
class OpenedController {
  @Get()
  @RouteConfig({ access: 'public' })
  @Authenticated('api-key')
  opened(): object {
    return {};
  }
}

@Module({ controllers: [OpenedController] })
class OpenedModule {}

let app: TestApp;
let second: TestApp;
const onFinished = afterAllTests();

beforeAll(async () => {
  app = await startApp({ features: [TestsModule] }, onFinished);
  second = await startApp({ features: [TestsModule] }, onFinished);
});

async function callWith(node: TestApp, path: string, authorization?: string): Promise<unknown[]> {
  const headers = authorization === undefined ? {} : { authorization };
  const { status, body, headers: received } = await node.call('GET', `/v1/tests/${path}`, { headers });
  return [status, body['code'] ?? body['userId'], received.get('www-authenticate')];
}

const MISSING = 'Bearer realm="gatehouse"';
const INVALID = 'Bearer realm="gatehouse", error="invalid_token"';

describe('an application’s own route', () => {
  it('with @CurrentUser refuses a caller whom nobody authenticated, also where it is public', async () => {
    const { token } = await app.signIn();
    for (const authorization of [undefined, `Bearer ${token}`])
      expect(await callWith(app, 'unguarded', authorization)).toEqual([401, 'token_missing', MISSING]);
  });

  it('takes pipes of @CurrentUser, and parameter decorators of its own beside it', async () => {
    const { token, userId } = await app.signIn();
    const { sessionId } = (await app.me(token)).body;
    const { body } = await app.call('GET', '/v1/tests/decorators', { headers: { authorization: `Bearer ${token}` } });
    expect(body).toEqual({ sessionId, userId });
  });
});

describe('a Passport guard on an application’s own route', () => {
  it.each(['Bearer', 'bearer', 'BEARER', 'Bearer ', 'bearer   '])('accepts a token after %j', async (scheme) => {
    const { token, userId } = await app.signIn();
    for (const path of ['plain-guard', 'our-guard', 'both']) {
      expect([path, ...(await callWith(app, path, `${scheme} ${token}`))]).toEqual([path, 200, userId, null]);
    }
  });

  it('accepts tokens of its own application only, whichever application started last', async () => {
    const { token, userId } = await app.signIn();
    const other = await second.signIn();
    for (const path of ['plain-guard', 'our-guard', 'both']) {
      expect((await callWith(app, path, `Bearer ${token}`)).slice(0, 2)).toEqual([200, userId]);
      expect((await callWith(second, path, `Bearer ${other.token}`)).slice(0, 2)).toEqual([200, other.userId]);
      expect((await callWith(app, path, `Bearer ${other.token}`))[0]).toBe(401);
      expect((await callWith(second, path, `Bearer ${token}`))[0]).toBe(401);
    }
  });

  it.each([
    ['nothing', undefined, 'token_missing', MISSING],
    ['another scheme', 'Basic YTpi', 'token_missing', MISSING],
    ['garbage', 'Bearer x', 'token_invalid', INVALID],
    ['a malformed token of three parts', 'Bearer a.b.c', 'token_invalid', INVALID],
    ['9,000 characters', `Bearer ${'a'.repeat(9000)}`, 'token_invalid', INVALID],
    ['9,000 characters without a space', 'a'.repeat(9000), 'token_missing', MISSING],
  ])('refuses %s with 401 and never with 500', async (_case, authorization, code, challenge) => {
    expect(await callWith(app, 'our-guard', authorization)).toEqual([401, code, challenge]);
    expect(await callWith(app, 'both', authorization)).toEqual([401, code, challenge]);
    expect(await callWith(app, 'plain-guard', authorization)).toEqual([401, 'unauthorized', MISSING]);
  });
});

/** What a route answers to this header and body: the user, or status and code. */
async function answerOf(path: string, authorization: string | undefined, json?: object): Promise<unknown> {
  const { status, body } = await app.call('POST', `/v1/tests/${path}`, {
    ...(authorization === undefined ? {} : { headers: { authorization } }),
    ...(json === undefined ? {} : { json }),
  });
  return status < 300 ? body['userId'] : `${status} ${String(body['code'])}`;
}

/** Bad headers, and the code that says why each is refused. */
async function badHeaders(): Promise<[header: string, code: string][]> {
  const { token } = await app.signIn();
  const [head = '', claims = ''] = token.split('.');
  const revoked = await app.signIn();
  await app.logout(revoked.token);
  return [
    ['Basic YTpi', 'token_missing'],
    ['Bearer not-a-token', 'token_invalid'],
    [`Bearer ${head}.${claims}.${'A'.repeat(86)}`, 'token_invalid'],
    [`Bearer ${revoked.token}`, 'token_revoked'],
  ];
}

describe('an application’s own route with @BearerOrBody', () => {
  const CREDENTIAL = { code: 'x' };

  it('gets the user of a valid token, with and without a body', async () => {
    const { userId, token } = await app.signIn();
    for (const path of ['token-or-body', 'token-only']) {
      for (const json of [undefined, CREDENTIAL]) expect(await answerOf(path, `Bearer ${token}`, json)).toBe(userId);
    }
  });

  it('refuses nothing by itself: without a parameter for the user it answers everybody', async () => {
    for (const header of [undefined, ...(await badHeaders()).map(([bad]) => bad)]) {
      for (const json of [undefined, CREDENTIAL]) expect(await answerOf('unchecked', header, json)).toBe('anybody');
    }
  });

  it('with @OptionalUser refuses a bad header if there is no body, and leaves one with a body to the handler', async () => {
    expect(await answerOf('token-or-body', undefined)).toBeNull();
    expect(await answerOf('token-or-body', undefined, CREDENTIAL)).toBeNull();
    for (const [header, code] of await badHeaders()) {
      expect(await answerOf('token-or-body', header)).toBe(`401 ${code}`);
      expect(await answerOf('token-or-body', header, CREDENTIAL)).toBeNull();
    }
  });

  it('with @CurrentUser refuses every request without a valid token, whatever its body', async () => {
    for (const header of [undefined, ...(await badHeaders()).map(([bad]) => bad)]) {
      for (const json of [undefined, CREDENTIAL]) {
        expect(await answerOf('token-only', header, json)).toBe('401 token_missing');
      }
    }
  });
});

/** What a filter of the application's own may do with the error of a request. */
@Catch(Problem)
class AnnotatingFilter implements ExceptionFilter<Problem & { seen?: string }> {
  catch(problem: Problem & { seen?: string }, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const caller = String(http.getRequest<FastifyRequest>().headers['x-caller']);
    problem.seen = `${problem.seen ?? ''}${caller}`;
    Object.assign(problem.headers, { [`x-seen-${caller}`]: problem.seen });
    const reply = http.getResponse<FastifyReply>();
    void reply.code(problem.kind.status).headers(problem.headers).send({ code: problem.kind.code });
  }
}

@Controller('v1/filtered')
@UseFilters(AnnotatingFilter)
class FilteredController {
  @Post('token-or-body')
  @BearerOrBody()
  tokenOrBody(@OptionalUser() user: Principal | undefined): Principal | undefined {
    return user;
  }

  @Get('guarded')
  @Public()
  @UseGuards(JwtAuthGuard)
  guarded(): string {
    return 'guarded';
  }
}

@Module({ controllers: [FilteredController] })
class FilteredModule {}

it.each([
  ['POST', 'token-or-body'],
  ['GET', 'guarded'],
])(
  'an exception filter may change the problem of a refused token, for that request only: %s %s',
  async (method, path) => {
    const filtered = await startApp({ features: [FilteredModule] });
    const { token } = await filtered.signIn();
    await filtered.logout(token);
    for (const authorization of [`Bearer ${token}`, 'Bearer x.y.z', 'Bearer a', 'Basic YTpi']) {
      for (const caller of ['one', 'two']) {
        const { status, headers } = await filtered.call(method, `/v1/filtered/${path}`, {
          headers: { authorization, 'x-caller': caller },
        });
        const seen = [...headers].filter(([name]) => name.startsWith('x-seen-'));
        expect([status, seen]).toEqual([401, [[`x-seen-${caller}`, caller]]]);
        expect(headers.get('www-authenticate')).toMatch(/^Bearer/);
      }
    }
  },
);

describe('an exception from an application’s own handler', () => {
  it.each([
    ['forbidden', 403, 'forbidden', 'not yours'],
    ['conflict', 409, 'conflict', 'taken'],
    ['list', 400, 'bad_request', 'one flaw; another flaw'],
    ['coded', 423, 'note_locked', 'locked by somebody'],
    ['foreign', 410, 'gone', 'gone for good'],
    ['odd', 500, 'internal_error', expect.not.stringContaining('what')],
    ['broken', 502, 'bad_gateway', expect.not.stringContaining('password')],
    ['busy', 503, 'service_unavailable', expect.not.stringContaining('db-17')],
  ])('keeps status and message: %s is %d %s', async (name, status, code, detail: unknown) => {
    const answer = await app.call('GET', `/v1/tests/thrown/${name}`);
    expect(answer.body).toMatchObject({ status, code, detail, type: `urn:gatehouse:problem:${code}` });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      status,
      'application/problem+json; charset=utf-8',
    ]);
  });
});

it('an application whose @RouteConfig would make a guarded route public does not start, and names the handler (ACC-01)', async () => {
  await expect(startApp({ features: [OpenedModule] })).rejects.toThrow(/^OpenedController\.opened has a @RouteConfig/);
});

/** The configs of the routes that {@link Routes} adds in each life-cycle phase, by the last part of the path. */
const CONFIGS: Readonly<Record<string, object | undefined>> = {
  plain: undefined,
  empty: {},
  other: { mine: true },
  public: { access: 'public' },
  optional: { access: 'bearer-or-body' },
  strategy: { strategies: ['jwt'] },
};

const called = async (): Promise<object> => ({ called: true });

/** Adds routes directly to Fastify, in every way and in every life-cycle phase. */
@Injectable()
class Routes implements OnModuleInit, OnApplicationBootstrap {
  constructor(private readonly host: HttpAdapterHost) {
    this.#add('constructor');
    // In a later phase this config would stop the start.
    this.#fastify.get('/v1/raw/constructor/unknown', { config: { access: 'guarded' } }, called);
  }

  onModuleInit(): void {
    this.#add('init');
  }

  onApplicationBootstrap(): void {
    this.#add('bootstrap');
  }

  get #fastify(): FastifyInstance {
    return this.host.httpAdapter.getInstance<FastifyInstance>();
  }

  #add(when: string): void {
    for (const [name, config] of Object.entries(CONFIGS)) {
      const options = config === undefined ? {} : { config };
      this.#fastify.get(`/v1/raw/${when}/${name}`, options, called);
      void this.#fastify.register(async (plugin) => {
        plugin.get(`/v1/raw/${when}/plugin/${name}`, options, called);
        await plugin.register(async (inner) => void inner.get(`/v1/raw/${when}/inner/${name}`, options, called));
      });
    }
    this.host.httpAdapter.get(`/v1/raw/${when}/adapter`, (_request: unknown, reply: { send(body: object): void }) =>
      reply.send({ called: true }),
    );
  }
}

@Module({ providers: [Routes] })
class RoutesModule {}

/** Creates a module that adds one route to Fastify. */
function moduleWithRoute(config: object): Type {
  class Route {
    onModuleInit(): void {
      host?.httpAdapter.getInstance<FastifyInstance>().get('/v1/raw', { config }, async () => ({}));
    }
  }
  let host: HttpAdapterHost | undefined;
  const provider = {
    provide: Route,
    inject: [HttpAdapterHost],
    useFactory: (given: HttpAdapterHost): Route => {
      host = given;
      return new Route();
    },
  };
  class RouteModule {}
  Module({ providers: [provider] })(RouteModule);
  return RouteModule;
}

describe('a route added directly to Fastify', () => {
  it.each([true, false])('is guarded unless its config says otherwise; with documents: %s (ACC-01)', async (docs) => {
    const node = await startApp({ features: [RoutesModule], changes: { docs } });
    const { token } = await node.signIn();
    const ways = ['constructor', 'init', 'bootstrap'].flatMap((when) => [when, `${when}/plugin`, `${when}/inner`]);
    const guarded = ['plain', 'empty', 'other', 'strategy'].flatMap((name) => ways.map((way) => `${way}/${name}`));
    const open = ['public', 'optional'].flatMap((name) => ways.map((way) => `${way}/${name}`));
    const others = ['constructor/adapter', 'init/adapter', 'bootstrap/adapter', 'constructor/unknown'];
    const statusOf = async (path: string, sent?: string): Promise<string> => {
      const given = sent === undefined ? {} : { token: sent };
      const [get, head] = [
        await node.call('GET', `/v1/raw/${path}`, given),
        await node.call('HEAD', `/v1/raw/${path}`, given),
      ];
      return `${path} ${get.status} ${head.status}`;
    };
    for (const path of [...guarded, ...others]) {
      expect(await statusOf(path)).toBe(`${path} 401 401`);
      expect(await statusOf(path, 'not-a-token')).toBe(`${path} 401 401`);
      expect(await statusOf(path, token)).toBe(`${path} 200 200`);
    }
    for (const path of open) expect(await statusOf(path)).toBe(`${path} 200 200`);
  });

  it.each([
    ['an unknown access', { access: 'guarded' }, /^GET \/v1\/raw has the access "guarded".* strategies: \['NAME', …\]/],
    ['no access', { access: null }, /^GET \/v1\/raw has the access null/],
    ['strategies that are not a list', { strategies: 'jwt' }, /^GET \/v1\/raw has strategies/],
    ['an empty list of strategies', { strategies: [] }, /^GET \/v1\/raw has strategies/],
    ['roles that are not a list', { roles: 'admin' }, /^GET \/v1\/raw has roles/],
    ['an empty list of roles', { roles: [] }, /^GET \/v1\/raw has roles/],
    ['roles that cannot be', { roles: ['Admin'] }, /^GET \/v1\/raw has roles/],
    ['both access and roles', { access: 'public', roles: ['admin'] }, /^GET \/v1\/raw has both/],
    ['both access and strategies', { access: 'public', strategies: ['jwt'] }, /^GET \/v1\/raw has both/],
  ])('stops the start and is named if its config has %s (ACC-01)', async (_case, config, message) => {
    await expect(startApp({ features: [moduleWithRoute(config)] })).rejects.toThrow(message);
  });
});
