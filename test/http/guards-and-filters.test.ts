import {
  applyDecorators,
  BadGatewayException,
  Body,
  Catch,
  ConflictException,
  Controller,
  createParamDecorator,
  ForbiddenException,
  Get,
  Inject,
  Injectable,
  Module,
  Param,
  Post,
  Scope,
  StreamableFile,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type DynamicModule,
  type ExceptionFilter,
  type ExecutionContext,
  type MiddlewareConsumer,
  type NestInterceptor,
  type NestModule,
  type PipeTransform,
  type Type,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE, Reflector, REQUEST } from '@nestjs/core';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { catchError, concatMap, map, throwError, type Observable } from 'rxjs';
import { Readable } from 'node:stream';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Principal } from '../../src/access/principal.js';
import { BodyLimit, CurrentUser, Public, Unlimited } from '../../src/access/route-access.decorators.js';
import { afterAllTests, startApp, type TestApp } from '../support/app.js';

const requestOf = (context: ExecutionContext): FastifyRequest => context.switchToHttp().getRequest<FastifyRequest>();

/** Refuses requests with the header `x-stranger`. */
@Injectable()
class FriendsOnly implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return requestOf(context).headers['x-stranger'] === undefined;
  }
}

/** Lets only the user pass whom the authentication hook has found; one for each request. */
@Injectable({ scope: Scope.REQUEST })
class OwnerOnly implements CanActivate {
  constructor(@Inject(REQUEST) private readonly request: FastifyRequest) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    await Promise.resolve();
    const { user, params } = requestOf(context);
    return this.request.user === user && user?.userId === (params as { userId: string }).userId;
  }
}

@Injectable()
class Trim implements PipeTransform {
  transform(value: unknown): unknown {
    return typeof value === 'string' ? value.trim() : value;
  }
}

@Injectable()
class Wrap implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((value: unknown) => ({ wrapped: value })));
  }
}

/** Turns every failure into a 502. */
@Injectable()
class Blame implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(catchError(() => throwError(() => new BadGatewayException('m4rker'))));
  }
}

@Catch(ConflictException)
class ConflictFilter implements ExceptionFilter<ConflictException> {
  catch(exception: ConflictException, host: ArgumentsHost): void {
    void host.switchToHttp().getResponse<FastifyReply>().code(409).send({ filtered: exception.message });
  }
}

/** Throws what the request says; each in its own way a mistake of whoever wrote it. */
const MISTAKES: Readonly<Record<string, () => unknown>> = {
  error: () => new Error('m4rker'),
  conflict: () => new ConflictException('taken'),
  text: () => 'm4rker',
  nothing: () => null,
};
const mistakeOf = ({ params }: FastifyRequest): unknown => MISTAKES[(params as { mistake: string }).mistake]?.();

@Catch()
class FailingFilter implements ExceptionFilter {
  catch(_exception: unknown, host: ArgumentsHost): never {
    throw mistakeOf(host.switchToHttp().getRequest<FastifyRequest>());
  }
}

@Injectable()
class FailingGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    await Promise.resolve();
    throw mistakeOf(requestOf(context));
  }
}

@Injectable()
class FailingInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(concatMap(() => Promise.reject(mistakeOf(requestOf(context)) as Error)));
  }
}

@Injectable()
class FailingPipe implements PipeTransform {
  transform(mistake: string): never {
    throw MISTAKES[mistake]?.();
  }
}

const Failing = createParamDecorator((_data: unknown, context: ExecutionContext): never => {
  throw mistakeOf(requestOf(context));
});

@Controller('v1/mistakes')
class MistakesController {
  @Get('filter/:mistake')
  @Public()
  @UseFilters(FailingFilter)
  filter(): never {
    throw new ForbiddenException();
  }

  @Get('guard/:mistake')
  @Public()
  @UseGuards(FailingGuard)
  guard(): object {
    return {};
  }

  @Get('interceptor/:mistake')
  @Public()
  @UseInterceptors(FailingInterceptor)
  interceptor(): object {
    return {};
  }

  @Get('pipe/:mistake')
  @Public()
  pipe(@Param('mistake', FailingPipe) mistake: string): object {
    return { mistake };
  }

  @Get('parameter/:mistake')
  @Public()
  parameter(@Failing() mistake: unknown): object {
    return { mistake };
  }

  @Get('stream/:mistake')
  @Public()
  stream(@Param('mistake') mistake: string): StreamableFile {
    return new StreamableFile(
      new Readable({
        read() {
          this.destroy(MISTAKES[mistake]?.() as Error);
        },
      }),
    );
  }

  @Get('observable/:mistake')
  @Public()
  observable(@Param('mistake') mistake: string): Observable<never> {
    return throwError(() => MISTAKES[mistake]?.());
  }
}

/** A handler with all of them, and with our decorators, in each of these orders. */
const DECORATORS: readonly (() => MethodDecorator)[] = [
  () => Get(':text'),
  () => Public(),
  () => UseGuards(FriendsOnly),
  () => UsePipes(Trim),
  () => UseInterceptors(Wrap),
  () => UseFilters(ConflictFilter),
  () => Unlimited(),
  () => BodyLimit(100),
];
const ORDERS = DECORATORS.flatMap((_, first) => {
  const rotated = [...DECORATORS.slice(first), ...DECORATORS.slice(0, first)];
  return [rotated, rotated.toReversed()];
});

function controllerIn(order: readonly (() => MethodDecorator)[], path: string): Type {
  class Ordered {
    read(text: string): object {
      if (text === 'taken') throw new ConflictException('taken');
      return { text };
    }
  }
  Param('text')(Ordered.prototype, 'read', 0);
  const descriptor = Object.getOwnPropertyDescriptor(Ordered.prototype, 'read') ?? {};
  applyDecorators(...order.map((make) => make()))(Ordered.prototype, 'read', descriptor);
  Controller(path)(Ordered);
  return Ordered;
}

@Controller('v1/tests')
class TestsController {
  @Get('owner/:userId')
  @UseGuards(OwnerOnly)
  owner(@CurrentUser() { userId }: Principal): object {
    return { userId };
  }

  @Get('blamed')
  @UseInterceptors(Blame)
  blamed(): never {
    throw new Error('m4rker');
  }

  @Post('body')
  @UsePipes(Trim)
  body(@Body() body: unknown): object {
    return { body };
  }
}

@Module({
  controllers: [
    TestsController,
    MistakesController,
    ...ORDERS.map((order, index) => controllerIn(order, `v1/orders/${index}`)),
  ],
  providers: [FriendsOnly, OwnerOnly],
})
class TestsModule {}

let app: TestApp;
const onFinished = afterAllTests();

beforeAll(async () => {
  app = await startApp({ features: [TestsModule], changes: { requestTimeoutSeconds: 7 } }, onFinished);
});

describe('guards, pipes, interceptors and filters of an application', () => {
  it('work on its controllers beside our decorators, in any order', async () => {
    for (const index of ORDERS.keys()) {
      const call = async (text: string, headers = {}): Promise<unknown[]> => {
        const { status, body } = await app.call('GET', `/v1/orders/${index}/${text}`, { headers });
        return [index, status, body['code'] ?? body];
      };
      expect(await call('%20a%20')).toEqual([index, 200, { wrapped: { text: 'a' } }]);
      expect(await call('taken')).toEqual([index, 409, { filtered: 'taken' }]);
      expect(await call('a', { 'x-stranger': 'yes' })).toEqual([index, 403, 'forbidden']);
    }
  });

  it('run after authentication, with a provider for each request', async () => {
    const { token, userId } = await app.signIn();
    const other = await app.signIn();
    const path = `/v1/tests/owner/${userId}`;
    expect((await app.call('GET', path, { token })).body).toEqual({ userId });
    expect((await app.call('GET', path, { token: other.token })).body).toMatchObject({
      status: 403,
      code: 'forbidden',
    });
    expect((await app.call('GET', path)).body).toMatchObject({ status: 401, code: 'token_missing' });
    expect((await app.call('GET', '/v1/tests/blamed', { token })).body).toMatchObject({
      status: 502,
      code: 'bad_gateway',
    });
    expect((await app.call('POST', '/v1/tests/body', { token, json: { a: 1 } })).body).toEqual({ body: { a: 1 } });
  });
});

it.each(['filter', 'guard', 'interceptor', 'pipe', 'parameter', 'observable'])(
  'what a %s throws is answered like what a handler throws',
  async (place) => {
    for (const mistake of Object.keys(MISTAKES)) {
      const { status, body, headers } = await app.call('GET', `/v1/mistakes/${place}/${mistake}`);
      const expected = mistake === 'conflict' ? [409, 'conflict'] : [500, 'internal_error'];
      expect([mistake, status, body['code']]).toEqual([mistake, ...expected]);
      expect(headers.get('content-type')).toMatch('application/problem+json');
      expect(JSON.stringify(body)).not.toContain('m4rker');
    }
  },
);

it('a StreamableFile that fails at once is a 500', async () => {
  const { status, body } = await app.call('GET', '/v1/mistakes/stream/error');
  expect([status, body['code']]).toEqual([500, 'internal_error']);
});

it('a client has REQUEST_TIMEOUT_SECONDS for a request', () => {
  expect(app.nest.getHttpServer().requestTimeout).toBe(7000);
});

const OPEN = 'openForStrangers';

@Injectable()
class FriendsUnlessOpen implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const config = this.reflector.get<Record<string, unknown> | undefined>(RouteConfig({}).KEY, context.getHandler());
    return config?.[OPEN] === true || requestOf(context).headers['x-stranger'] === undefined;
  }
}

@Controller('v1/global')
class GlobalController {
  @Get('closed/:text')
  @Public()
  closed(@Param('text') text: string): object {
    if (text === 'taken') throw new ConflictException('taken');
    return { text };
  }

  @Get('open/:text')
  @Public()
  @RouteConfig({ [OPEN]: true })
  open(@Param('text') text: string): object {
    return { text };
  }
}

@Module({
  controllers: [GlobalController],
  providers: [
    { provide: APP_GUARD, useClass: FriendsUnlessOpen },
    { provide: APP_PIPE, useClass: Trim },
    { provide: APP_INTERCEPTOR, useClass: Wrap },
    { provide: APP_FILTER, useClass: ConflictFilter },
  ],
})
class GlobalModule {}

it('APP_GUARD, APP_PIPE, APP_INTERCEPTOR and APP_FILTER apply to every controller, ours included', async () => {
  const node = await startApp({ features: [GlobalModule] });
  const stranger = { headers: { 'x-stranger': 'yes' } };
  const get = async (path: string, options = {}): Promise<unknown> => (await node.call('GET', path, options)).body;
  expect(await get('/v1/global/closed/%20a%20')).toEqual({ wrapped: { text: 'a' } });
  expect(await get('/v1/global/closed/taken')).toEqual({ filtered: 'taken' });
  expect(await get('/v1/global/closed/a', stranger)).toMatchObject({ status: 403, code: 'forbidden' });
  expect(await get('/v1/global/open/a', stranger)).toEqual({ wrapped: { text: 'a' } });
  expect(await get('/.well-known/jwks.json', stranger)).toMatchObject({ status: 403, code: 'forbidden' });
  expect(await get('/v1/auth/me', stranger)).toMatchObject({ status: 401, code: 'token_missing' });
  expect(await get('/v1/nothing')).toMatchObject({ status: 404, code: 'not_found' });
});

@Module({})
class CountingModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply((_request: unknown, _reply: unknown, next: () => void) => next()).forRoutes('v1/tests');
  }
}

/** As modules from npm often are: middleware is only one of the things they offer. */
@Module({})
class ModestModule implements NestModule {
  configure(): void {}
}

@Module({})
class OuterModule {
  static withMiddleware(): DynamicModule {
    return { module: OuterModule, imports: [CountingModule] };
  }
}

@Module({ imports: [OuterModule.withMiddleware()] })
class FeatureModule {}

it('an application whose module applies middleware does not start, and is told what to use', async () => {
  await expect(startApp({ features: [FeatureModule] })).rejects.toThrow(
    'CountingModule.configure() applies Nest middleware, which is not loaded: use a guard or an interceptor, or in onModuleInit a hook of Fastify',
  );
  await expect(startApp({ features: [ModestModule] })).resolves.toBeDefined();
});
