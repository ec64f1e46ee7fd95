import { Controller, Get, Injectable, Module, Post, type OnModuleInit, type Type } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { PassportStrategy } from '@nestjs/passport';
import type { FastifyInstance } from 'fastify';
import { Strategy } from 'passport';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { RateLimit, type RouteRateLimit } from '../../src/access/rate-limit.decorator.js';
import { Authenticated, CurrentUser, Public } from '../../src/access/route-access.decorators.js';
import type { Principal } from '../../src/access/principal.js';
import { ApplicationRateLimits, type ApplicationLimit } from '../../src/rate-limits/application-rate-limits.js';
import { LimitRefusals } from '../../src/rate-limits/limit-refusals.js';
import { RateLimitsModule } from '../../src/rate-limits/rate-limits.module.js';
import { afterAllTests, startApp, type Answer, type TestApp } from '../support/app.js';
import { proxiedUrl, TcpProxy } from '../support/tcp-proxy.js';

const SHARED: RouteRateLimit = { name: 'notes-shared', quota: 2, seconds: 3600, by: 'user' };

@Injectable()
class Exports {
  readonly limit: ApplicationLimit;
  constructor(limits: ApplicationRateLimits) {
    this.limit = limits.define({ name: 'exports', quota: 2, seconds: 3600 });
  }
}

@Controller('v1/limited')
class LimitedController {
  constructor(private readonly exports: Exports) {}

  @Get('user')
  @RateLimit({ name: 'notes-user', quota: 3, seconds: 3600, by: 'user' })
  user(): object {
    return {};
  }

  @Get('address')
  @Public()
  @RateLimit({ name: 'notes-address', quota: 2, seconds: 3600, by: 'address' })
  address(): object {
    return {};
  }

  @Get('team')
  @RateLimit({ name: 'notes-team', quota: 2, seconds: 3600, by: ({ headers }) => String(headers['x-team'] ?? '') })
  team(): object {
    return {};
  }

  @Get('shared-one')
  @RateLimit(SHARED)
  sharedOne(): object {
    return {};
  }

  @Get('shared-two')
  @RateLimit(SHARED)
  sharedTwo(): object {
    return {};
  }

  @Get('several')
  @RateLimit({ name: 'several-few', quota: 1, seconds: 3600, by: ({ headers }) => String(headers['x-few']) })
  @RateLimit({ name: 'several-many', quota: 3, seconds: 3600, by: 'user' })
  several(): object {
    return {};
  }

  @Post('export')
  async export(@CurrentUser() user: Principal): Promise<object> {
    await this.exports.limit.charge(user.userId);
    return {};
  }

  @Get('parallel')
  @RateLimit({ name: 'notes-parallel', quota: 20, seconds: 3600, by: 'user' })
  parallel(): object {
    return {};
  }

  @Get('keys')
  @Public()
  @RateLimit({ name: 'notes-keys', quota: 1, seconds: 1, by: ({ headers }) => `key ${String(headers['x-key'])}` })
  keys(): object {
    return {};
  }
}

@Injectable()
class PartnerStrategy extends PassportStrategy(Strategy, 'partner') {
  override authenticate(): void {
    this.success({ partner: 1 });
  }

  validate(): never {
    throw new Error('unused');
  }
}

@Controller('v1/partners')
class PartnersController {
  @Get()
  @Authenticated('partner')
  @RateLimit({ name: 'notes-partner', quota: 1, seconds: 3600, by: 'user' })
  read(): object {
    return {};
  }
}

class LaterController {
  later(): object {
    return {};
  }
}
const later = Object.getOwnPropertyDescriptor(LaterController.prototype, 'later') ?? {};
const notText = (() => Promise.reject(new Error('no team'))) as unknown as () => string;
for (const decorate of [Get(), RateLimit({ name: 'notes-later', quota: 1, seconds: 3600, by: notText })]) {
  decorate(LaterController.prototype, 'later', later);
}
Controller('v1/later')(LaterController);

@Module({
  imports: [RateLimitsModule],
  controllers: [LimitedController, PartnersController, LaterController],
  providers: [Exports, PartnerStrategy],
})
class LimitedModule implements OnModuleInit {
  constructor(private readonly host: HttpAdapterHost) {}

  onModuleInit(): void {
    const rateLimits = [{ name: 'fastify', quota: 1, seconds: 3600, by: 'user' }] satisfies RouteRateLimit[];
    const fastify = this.host.httpAdapter.getInstance<FastifyInstance>();
    fastify.get('/v1/limited/fastify', { config: { rateLimits } as object }, async () => ({}));
  }
}

const onFinished = afterAllTests();
let app: TestApp;
let other: TestApp;
beforeAll(async () => {
  const options = { features: [LimitedModule], changes: { rateLimits: 'on', trustedProxies: ['127.0.0.1'] } as const };
  app = await startApp(options, onFinished);
  other = await startApp({ ...options, databaseUrl: app.databaseUrl }, onFinished);
});

const statusOf = async (answer: Promise<Answer>): Promise<number> => (await answer).status;
const get = (node: TestApp, name: string, token?: string, headers: Record<string, string> = {}): Promise<Answer> =>
  node.call('GET', `/v1/limited/${name}`, token === undefined ? { headers } : { token, headers });

const from = (address: string): Promise<number> =>
  statusOf(get(app, 'address', undefined, { 'x-forwarded-for': address }));
const countRows = async (): Promise<number> => (await app.query('SELECT FROM rate_limits')).length;

/** A feature with one route that has these limits. */
function featureWith(limits: readonly RouteRateLimit[], isPublic = false): Type {
  class NotesController {
    read(): object {
      return {};
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(NotesController.prototype, 'read') ?? {};
  for (const decorate of [Get(), ...limits.map(RateLimit), ...(isPublic ? [Public()] : [])]) {
    decorate(NotesController.prototype, 'read', descriptor);
  }
  Controller('v1/notes')(NotesController);
  class NotesModule {}
  Module({ controllers: [NotesController] })(NotesModule);
  return NotesModule;
}

describe('@RateLimit()', () => {
  it('counts a user on all nodes, with the headers, the log and the metric of our limits', async () => {
    const { token } = await app.signIn();
    const { token: another } = await app.signIn();
    for (const node of [app, other, app]) expect(await statusOf(get(node, 'user', token))).toBe(200);
    const { status, headers, body } = await get(other, 'user', token);
    expect([status, body['code']]).toEqual([429, 'too_many_attempts']);
    expect(headers.get('ratelimit-policy')).toBe('"notes-user";q=3;w=3600');
    expect(headers.get('ratelimit')).toMatch(/^"notes-user";r=0;t=1[12]\d\d$/);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(1190);
    expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(1200);
    expect(await statusOf(get(app, 'user', another))).toBe(200);
    expect(other.log().filter(({ event }) => event === 'too_many_attempts')).toMatchObject([{ limit: 'notes-user' }]);
    expect(other.nest.get(LimitRefusals, { strict: false }).refusalCounts()['notes-user']).toBe(1);
    expect(app.nest.get(LimitRefusals, { strict: false }).refusalCounts()['notes-user']).toBe(0);
  });

  it('counts after the authentication: a request without a token costs nothing', async () => {
    const { token } = await app.signIn();
    for (let count = 0; count < 5; count++) expect(await statusOf(get(app, 'user'))).toBe(401);
    expect(await statusOf(get(app, 'user', token))).toBe(200);
  });

  it('counts an address, of IPv6 its /64', async () => {
    expect([await from('192.0.2.1'), await from('192.0.2.1'), await from('192.0.2.1')]).toEqual([200, 200, 429]);
    expect(await from('192.0.2.2')).toBe(200);
    const network = ['2001:db8:0:1::1', '2001:db8:0:1::2', '2001:db8:0:1:ffff::3'];
    expect([await from(network[0] ?? ''), await from(network[1] ?? ''), await from(network[2] ?? '')]).toEqual([
      200, 200, 429,
    ]);
    expect(await from('2001:db8:0:2::1')).toBe(200);
    expect(await from('::ffff:192.0.2.1')).toBe(429);
  });

  it('counts what a function says, and all requests without a key together', async () => {
    const { token } = await app.signIn();
    const of = (team: string) => statusOf(get(app, 'team', token, { 'x-team': team }));
    expect([await of('a'), await of('a'), await of('a'), await of('b')]).toEqual([200, 200, 429, 200]);
    const without = [];
    for (const headers of [{}, { 'x-team': '' }, {}]) without.push(await statusOf(get(app, 'team', token, headers)));
    expect(without).toEqual([200, 200, 429]);
  });

  it('by user says in the log that the user of a strategy has no id', async () => {
    const answer = await app.call('GET', '/v1/partners');
    expect([answer.status, answer.body['code']]).toEqual([500, 'internal_error']);
    expect(JSON.stringify(app.log().filter(({ code }) => code === 'internal_error'))).toContain(
      String.raw`The rate limit \"notes-partner\" counts by user, but the user of the Passport strategy \"partner\" has no userId that is a text: return one from the strategy, or count by a function.`,
    );
  });

  it('refuses a promise as a key, and leaves no rejection unhandled', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    onTestFinished(() => void process.off('unhandledRejection', unhandled));
    const { token } = await app.signIn();
    expect((await app.call('GET', '/v1/later', { token })).status).toBe(500);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('is shared by routes that have the same object', async () => {
    const { token } = await app.signIn();
    const statuses = [];
    for (const name of ['shared-one', 'shared-two', 'shared-one']) statuses.push(await statusOf(get(app, name, token)));
    expect(statuses).toEqual([200, 200, 429]);
  });

  it('charges several limits together or not at all', async () => {
    const { token } = await app.signIn();
    const of = (few: string) => get(app, 'several', token, { 'x-few': few });
    expect((await of('a')).status).toBe(200);
    for (let count = 0; count < 3; count++) {
      expect((await of('a')).headers.get('ratelimit-policy')).toBe('"several-few";q=1;w=3600');
    }
    expect([(await of('b')).status, (await of('c')).status, (await of('d')).status]).toEqual([200, 200, 429]);
  });

  it('can be charged in a handler', async () => {
    const { token } = await app.signIn();
    const post = (node: TestApp) => statusOf(node.call('POST', '/v1/limited/export', { token }));
    expect([await post(app), await post(other), await post(app)]).toEqual([201, 201, 429]);
  });

  it('counts routes of Fastify by their config', async () => {
    const { token } = await app.signIn();
    expect([await statusOf(get(app, 'fastify', token)), await statusOf(get(app, 'fastify', token))]).toEqual([
      200, 429,
    ]);
  });

  it('admits no more than its quota of parallel requests on two nodes', async () => {
    const { token } = await app.signIn();
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => statusOf(get(index % 2 === 0 ? app : other, 'parallel', token))),
    );
    expect(answers.filter((status) => status === 200)).toHaveLength(20);
    expect(answers.filter((status) => status === 429)).toHaveLength(40);
  });

  it('has one row for each key', async () => {
    const before = await countRows();
    const statuses = [];
    for (let start = 0; start < 1000; start += 20) {
      const some = Array.from({ length: 20 }, (_, index) =>
        get(app, 'keys', undefined, { 'x-key': String(start + index) }),
      );
      statuses.push(...(await Promise.all(some.map(statusOf))));
    }
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect(await countRows()).toBe(before + 1000);
  });

  it('is in the OpenAPI document', async () => {
    const { body } = await app.call('GET', '/openapi.json');
    const paths = body['paths'] as Record<string, { get?: { responses: object } }>;
    expect(paths['/v1/limited/user']?.get?.responses).toHaveProperty('429');
  });

  it('logs and counts in a dry run, and counts nothing when limits are off', async () => {
    const dry = await startApp({ features: [LimitedModule], changes: { rateLimits: 'dry-run' } });
    const { token } = await dry.signIn();
    for (let count = 0; count < 5; count++) expect(await statusOf(get(dry, 'user', token))).toBe(200);
    expect(dry.log().filter(({ event }) => event === 'would_be_limited')).toMatchObject([
      { limit: 'notes-user' },
      { limit: 'notes-user' },
    ]);
    expect(dry.nest.get(LimitRefusals, { strict: false }).refusalCounts()['notes-user']).toBe(2);
    const off = await startApp({ features: [LimitedModule], databaseUrl: dry.databaseUrl });
    for (let count = 0; count < 5; count++) expect(await statusOf(get(off, 'user', token))).toBe(200);
  });

  it('refuses with 503 without the database, as our limits do', async () => {
    const proxy = await TcpProxy.start(new URL(app.databaseUrl));
    const cut = await startApp({
      features: [LimitedModule],
      databaseUrl: proxiedUrl(proxy, app.databaseUrl),
      changes: { rateLimits: 'on' },
    });
    const { token } = await cut.signIn();
    expect(await statusOf(get(cut, 'user', token))).toBe(200);
    proxy.cut();
    expect(await get(cut, 'user', token)).toMatchObject({ status: 503, body: { code: 'service_unavailable' } });
    proxy.restore();
  });

  const limit: RouteRateLimit = { name: 'notes', quota: 1, seconds: 1, by: 'user' };
  it.each<[string, RouteRateLimit[], string]>([
    ['a bad name', [{ ...limit, name: 'No"tes' }], 'is no name for a rate limit'],
    [
      'the name of one of ours',
      [{ ...limit, name: 'refresh-address' }],
      'There are two rate limits called "refresh-address"',
    ],
    ['the name of the limit in memory', [{ ...limit, name: 'request-address' }], 'There are two rate limits'],
    ['one name for two limits', [limit, { ...limit }], 'There are two rate limits called "notes"'],
    ['one limit twice', [limit, limit], 'GET /v1/notes has the rate limit "notes" twice'],
    ['no quota', [{ ...limit, quota: 0 }], 'needs a quota from 1'],
    ['a window of half a second', [{ ...limit, seconds: 0.5 }], 'needs a quota from 1'],
    ['another subject', [{ ...limit, by: 'session' as 'user' }], "counts by 'user', 'address' or a function"],
  ])('with %s stops the start', async (_, limits, message) => {
    await expect(startApp({ features: [featureWith(limits)] })).rejects.toThrow(message);
  });

  it('by user on a route that admits requests without one stops the start', async () => {
    await expect(startApp({ features: [featureWith([limit], true)] })).rejects.toThrow(
      'counts by user, but GET /v1/notes admits requests without one',
    );
  });
});
