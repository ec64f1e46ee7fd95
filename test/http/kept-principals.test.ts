import { Controller, Get, Injectable, Module, Sse, UseGuards, type MessageEvent } from '@nestjs/common';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport';
import { concat, fromEvent, NEVER, of, takeUntil, type Observable } from 'rxjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { Ended } from '../../src/access/ended.decorator.js';
import type { Principal } from '../../src/access/principal.js';
import { Authenticated, CurrentUser, EmailVerified, Public } from '../../src/access/route-access.decorators.js';
import { KeyAdministrationService } from '../../src/auth/key-administration.service.js';
import { KeyRing } from '../../src/tokens/key-ring.js';
import { UserAdministrationService } from '../../src/users/user-administration.service.js';
import { Users } from '../../src/users/users.js';
import { afterAllTests, startApp, type TestApp } from '../support/app.js';

/** Users by ticket, as an application keeps them for an `EventSource`, which sends no access token. */
const tickets = new Map<string, object>();

@Injectable()
class TicketStrategy extends PassportStrategy(Strategy, 'ticket') {
  override authenticate({ headers }: { headers: Record<string, unknown> }): void {
    const user = tickets.get(String(headers['x-ticket']));
    if (user === undefined) this.fail(401);
    else this.success(user);
  }

  /** Not called. */
  validate(): void {}
}

@Controller('v1/tickets')
class TicketsController {
  @Get('new')
  issue(@CurrentUser() user: Principal): object {
    tickets.set(user.tokenId, user);
    tickets.set(`copy of ${user.tokenId}`, { ...user });
    return { ticket: user.tokenId };
  }

  @Get('used')
  @Authenticated('ticket')
  used(): object {
    return {};
  }

  @Get('either')
  @Authenticated('jwt', 'ticket')
  either(): object {
    return {};
  }

  @Get('guarded')
  @Public()
  @UseGuards(AuthGuard('ticket'))
  guarded(): object {
    return {};
  }

  @Get('verified')
  @Authenticated('ticket')
  @EmailVerified()
  verified(): object {
    return {};
  }

  @Sse('events')
  @Authenticated('ticket')
  events(@Ended() ended: AbortSignal): Observable<MessageEvent> {
    return concat(of({ data: 'first' }), NEVER).pipe(takeUntil(fromEvent(ended, 'abort')));
  }
}

@Module({ controllers: [TicketsController], providers: [TicketStrategy] })
class TicketsModule {}

const onFinished = afterAllTests();
let app: TestApp;
beforeAll(async () => {
  app = await startApp({ features: [TicketsModule], changes: { clockToleranceSeconds: 0 } }, onFinished);
});

async function ticketFor(token: string): Promise<string> {
  return String((await app.call('GET', '/v1/tickets/new', { token })).body['ticket']);
}

async function answersTo(ticket: string, headers: Record<string, string> = {}): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (const route of ['used', 'either', 'guarded']) {
    const { status, body } = await app.call('GET', `/v1/tickets/${route}`, {
      headers: { 'x-ticket': ticket, ...headers },
    });
    answers.push(body['code'] ?? status);
  }
  return answers;
}

/** The events of a stream until it is over. */
async function textOf(ticket: string): Promise<string> {
  return (await fetch(`${app.url}/v1/tickets/events`, { headers: { 'x-ticket': ticket } })).text();
}

const ADMITTED = [200, 200, 200];
const refusedWith = (code: string): string[] => [code, code, code];

const ENDS: readonly [string, string, (token: string, email: string) => Promise<unknown>][] = [
  ['its session was logged out', 'token_revoked', (token) => app.logout(token)],
  [
    'its user was disabled',
    'token_revoked',
    (_, email) => app.nest.get(UserAdministrationService, { strict: false }).disableUser(email),
  ],
  [
    'the roles of its user have changed',
    'token_stale',
    async (_, email) => {
      const users = app.nest.get(Users, { strict: false });
      await users.grant((await users.find({ email }))?.id ?? '', 'editor');
    },
  ],
  [
    'its signing key was revoked',
    'token_invalid',
    () => {
      const { kid } = app.nest.get(KeyRing, { strict: false }).signingKey;
      return app.nest.get(KeyAdministrationService, { strict: false }).revokeSigningKey(kid);
    },
  ],
];

describe('a principal of @CurrentUser that a strategy returns later (ACC-09)', () => {
  it.each(ENDS)('is refused as its token is, once %s', async (_case, code, end) => {
    const { token, email } = await app.signIn();
    const others = await app.signIn();
    const ticket = await ticketFor(token);
    expect(await answersTo(ticket)).toEqual(ADMITTED);
    const stream = textOf(ticket);
    await end(token, email);
    expect(await answersTo(ticket)).toEqual(refusedWith(code));
    expect(await stream).toContain('data: first');
    if (code === 'token_invalid') return;
    // Whatever token the request has beside it.
    const authorization = `Bearer ${others.token}`;
    expect(await answersTo(ticket, { authorization })).toEqual([code, 200, code]);
  });

  it('is refused once its token has expired, and a copy of it too', async () => {
    const exp = Math.floor(Date.now() / 1000) + 3;
    const ticket = await ticketFor(await app.signTokenWith({ exp }));
    expect(await answersTo(ticket)).toEqual(ADMITTED);
    await Promise.all([textOf(ticket), textOf(`copy of ${ticket}`)]);
    expect(Date.now() / 1000).toBeGreaterThanOrEqual(exp);
    expect(await answersTo(ticket)).toEqual(refusedWith('token_expired'));
    expect(await answersTo(`copy of ${ticket}`)).toEqual(refusedWith('token_expired'));
  });

  it('is admitted within the tolerance for clocks, as its token is', async () => {
    const tolerant = await startApp({ features: [TicketsModule], changes: { clockToleranceSeconds: 30 } });
    const token = await tolerant.signTokenWith({ exp: Math.floor(Date.now() / 1000) - 5 });
    const { ticket } = (await tolerant.call('GET', '/v1/tickets/new', { token })).body;
    for (const route of ['used', 'either', 'guarded']) {
      const answer = await tolerant.call('GET', `/v1/tickets/${route}`, { headers: { 'x-ticket': String(ticket) } });
      expect(answer.status).toBe(200);
    }
  });

  it('as a copy is refused once its session was logged out', async () => {
    const { token } = await app.signIn();
    const ticket = `copy of ${await ticketFor(token)}`;
    expect(await answersTo(ticket)).toEqual(ADMITTED);
    await app.logout(token);
    expect(await answersTo(ticket)).toEqual(refusedWith('token_revoked'));
  });

  it.each([
    ['a proxy of it', (user: object) => new Proxy(user, {})],
    ['an object that inherits from it', (user: object) => Object.create(user) as object],
  ])('admits nobody as %s, which cannot be asked', async (_case, made) => {
    const { token } = await app.signIn();
    const ticket = await ticketFor(token);
    tickets.set(ticket, made(tickets.get(ticket) ?? {}));
    expect(await answersTo(ticket)).toEqual(refusedWith('internal_error'));
  });
});

describe('a user of a strategy (ACC-09)', () => {
  it('on a route with @Ended() is read once: ids that cannot be read later do not end the process', async () => {
    let reads = 0;
    const idOnce = { get: (): string => (reads++ < 4 ? 'id' : (undefined as never as { x: string }).x) };
    tickets.set(
      'getter',
      Object.defineProperties({}, { sessionId: idOnce, expiresAt: { value: new Date(Date.now() + 1000) } }),
    );
    expect(await textOf('getter')).toContain('data: first');
    expect(reads).toBeGreaterThan(0);
    const never = { get: (): never => (undefined as never as { x: never }).x };
    tickets.set('getter', Object.defineProperties({}, { sessionId: never }));
    expect(await answersTo('getter')).toEqual([500, 500, 500].map(() => 'internal_error'));
    expect((await app.call('GET', '/health/live')).status).toBe(200);
  });

  it.each<[unknown, number]>([
    [true, 200],
    ['yes', 403],
    [1, 403],
    [Promise.resolve(false), 403],
    [() => false, 403],
  ])('whose emailVerified is %s', async (emailVerified, status) => {
    tickets.set('verified', { userId: 'x', emailVerified });
    expect((await app.call('GET', '/v1/tickets/verified', { headers: { 'x-ticket': 'verified' } })).status).toBe(
      status,
    );
  });
});
