import { Controller, Get, Injectable, Module } from '@nestjs/common';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import type { Principal } from '../../src/access/principal.js';
import { CurrentUser } from '../../src/access/route-access.decorators.js';
import { PrismaService } from '../../src/database/prisma.service.js';
import type { ClaimsUser } from '../../src/users/application-hooks.js';
import { UserRolesService } from '../../src/users/user-roles.service.js';
import { Users } from '../../src/users/users.js';
import { startApp, type TestApp } from '../support/app.js';
import { claimsOf, tokensOf } from '../support/client.js';
import { MASTER_SECRET } from '../support/processes.js';

const usersOf = (app: TestApp): Users => app.nest.get(Users, { strict: false });
const none = (): Record<string, unknown> => ({});
const planOf = ({ appData }: ClaimsUser) => ({ plan: appData['plan'] ?? 'free' });

@Controller('v1/plans')
class PlansController {
  @Get()
  read(@CurrentUser() { claims }: Principal): object {
    return { claims, isFrozen: Object.isFrozen(claims) };
  }
}

@Module({ controllers: [PlansController] })
class PlansModule {}

@Injectable()
class Greetings {
  of(email: string): string {
    return `Welcome ${email}`;
  }
}

@Module({ providers: [Greetings] })
class GreetingsModule {}

async function codeOf(answer: ReturnType<TestApp['call']>): Promise<unknown> {
  const { status, body } = await answer;
  return body['code'] ?? status;
}

describe('claims of the application', () => {
  it('are in every token, and frozen in the principal', async () => {
    const app = await startApp({ features: [PlansModule], claims: planOf });
    const { token, refreshToken, userId } = await app.signIn();
    expect((await app.call('GET', '/v1/plans', { token })).body).toEqual({ claims: { plan: 'free' }, isFrozen: true });
    await usersOf(app).setAppData(userId, { plan: 'pro' });
    const next = tokensOf(await app.refresh(refreshToken));
    expect([claimsOf(next.token)['plan'], claimsOf(next.token)['rv']]).toEqual(['pro', 1]);
    expect((await app.call('GET', '/v1/plans', { token: next.token })).body['claims']).toEqual({ plan: 'pro' });
  });

  it('see id, address, roles, data and time of registration of the user', async () => {
    const seen: ClaimsUser[] = [];
    const app = await startApp({ claims: (user) => (seen.push(user), {}) });
    const { userId, email, refreshToken } = await app.signIn();
    await usersOf(app).setAppData(userId, { plan: 'pro' });
    await usersOf(app).grant(userId, 'editor');
    await app.refresh(refreshToken);
    const { createdAt } = (await usersOf(app).find({ id: userId })) ?? {};
    expect(seen.at(-1)).toEqual({
      id: userId,
      email,
      emailVerified: false,
      roles: ['editor'],
      appData: { plan: 'pro' },
      createdAt,
    });
    expect(createdAt).toBeInstanceOf(Date);
  });

  it('that change with the data make every node refuse older tokens within a second, and others do not (ACC-07)', async () => {
    const a = await startApp({ claims: planOf });
    const b = await startApp({ databaseUrl: a.databaseUrl, claims: planOf });
    const { token, userId, refreshToken } = await a.signIn();
    await usersOf(a).setAppData(userId, { note: 'not in a token' });
    expect([await codeOf(a.me(token)), await codeOf(b.me(token))]).toEqual([200, 200]);
    await usersOf(a).setAppData(userId, { plan: 'pro' });
    expect(await codeOf(a.me(token))).toBe('token_stale');
    await expect.poll(() => codeOf(b.me(token)), { timeout: 1000, interval: 10 }).toBe('token_stale');
    const next = tokensOf(await b.refresh(refreshToken));
    expect([await codeOf(a.me(next.token)), claimsOf(next.token)['plan']]).toEqual([200, 'pro']);
  });

  it.each<[string, () => Record<string, unknown>]>([
    [
      'that throw',
      () => {
        throw new Error('no plan is known');
      },
    ],
    ['of a reserved name', () => ({ roles: ['admin'] })],
    ['of more than 768 bytes', () => ({ a: 'x'.repeat(769) })],
    ['that are a promise', () => Promise.resolve({}) as unknown as Record<string, unknown>],
  ])('%s are 500 and leave nothing', async (_case, wrong) => {
    let claims = none;
    const app = await startApp({ claims: () => claims() });
    const { email, refreshToken, token } = await app.signIn();
    const rows = () => app.query('SELECT id, refresh_counter, refreshed_at, ended_at FROM sessions ORDER BY id');
    const before = await rows();
    claims = wrong;
    expect([await codeOf(app.login(email)), await codeOf(app.refresh(refreshToken))]).toEqual(
      Array(2).fill('internal_error'),
    );
    expect(await rows()).toEqual(before);
    expect(await codeOf(app.me(token))).toBe(200);
    claims = none;
    expect([await codeOf(app.refresh(refreshToken)), await codeOf(app.login(email))]).toEqual([200, 200]);
  });

  it('are those of the row when the user changes between the reading and the refresh', async () => {
    let between: (() => Promise<void>) | undefined;
    const app = await startApp({ claims: planOf });
    const { userId, refreshToken } = await app.signIn();
    const prisma = app.nest.get(PrismaService, { strict: false });
    const original = prisma.queryPrepared.bind(prisma);
    vi.spyOn(prisma, 'queryPrepared').mockImplementation(async (sql) => {
      const rows = await original(sql);
      const run = between;
      between = undefined;
      await run?.();
      return rows;
    });
    between = () => usersOf(app).setAppData(userId, { plan: 'pro' });
    const { token } = tokensOf(await app.refresh(refreshToken));
    expect([claimsOf(token)['plan'], claimsOf(token)['rv'], await codeOf(app.me(token))]).toEqual(['pro', 1, 200]);
  });
});

describe('what the application keeps with a user', () => {
  it('is found, bounded, and neither read nor written by its owner', async () => {
    const app = await startApp();
    const { userId, email, token } = await app.signIn();
    const users = usersOf(app);
    await users.setAppData(userId, { plan: 'pro' });
    expect(await users.find({ email: email.toUpperCase() })).toMatchObject({
      id: userId,
      appData: { plan: 'pro' },
      roles: [],
    });
    expect([await users.find({ id: randomUUID() }), await users.find({ id: 'x' })]).toEqual([null, null]);
    const refused = { kind: { code: 'validation_failed' } };
    await expect(users.setAppData(userId, { a: 'x'.repeat(4089) })).rejects.toMatchObject(refused);
    await expect(users.setAppData(userId, { a: [[[[[[[[]]]]]]]] })).rejects.toMatchObject(refused);
    await expect(users.setAppData(randomUUID(), {})).rejects.toMatchObject({ kind: { code: 'user_not_found' } });
    expect((await users.find({ id: userId }))?.appData).toEqual({ plan: 'pro' });
    expect((await app.call('GET', '/v1/users/me', { token })).body).not.toHaveProperty('appData');
    expect((await app.me(token)).status).toBe(200);
    await users.disable(userId);
    expect([await codeOf(app.me(token)), await codeOf(app.login(email))]).toEqual([
      'token_revoked',
      'credentials_invalid',
    ]);
  });
});

/** What `gatehouse users` prints. */
async function runUsers(app: TestApp, ...args: string[]): Promise<string> {
  const env = { ...process.env, DATABASE_URL: app.databaseUrl, MASTER_SECRET };
  return (await promisify(execFile)('node', ['dist/cli/gatehouse.js', 'users', ...args], { env })).stdout;
}

describe('npm run users', () => {
  it('-- set-app-data replaces the data and has the tokens refused, also where it cannot know the claims (ACC-07)', async () => {
    const app = await startApp({ claims: planOf });
    const { token, email, userId, refreshToken } = await app.signIn();
    await runUsers(app, 'set-app-data', email.toUpperCase(), '{"plan":"pro"}');
    await expect.poll(() => codeOf(app.me(token)), { timeout: 1000, interval: 10 }).toBe('token_stale');
    const next = tokensOf(await app.refresh(refreshToken));
    expect([claimsOf(next.token)['plan'], claimsOf(next.token)['rv']]).toEqual(['pro', 1]);
    // The same again changes nothing.
    await runUsers(app, 'set-app-data', email, '{ "plan": "pro" }');
    expect((await app.query('SELECT version FROM users WHERE id = $1', [userId]))[0]).toEqual({ version: 1 });
    const events = 'SELECT actor::text, details FROM audit_events WHERE event = $1';
    expect(await app.query(events, ['app_data_changed'])).toEqual([{ actor: 'operator', details: {} }]);
    const user = await usersOf(app).find({ id: userId });
    expect(JSON.parse(await runUsers(app, 'show', email))).toEqual({
      ...JSON.parse(JSON.stringify(user)),
      state: 'enabled',
    });
  });

  it('-- set-app-data refuses what cannot be stored, and says why', async () => {
    const app = await startApp();
    const { email, userId } = await app.signIn();
    const refused = (json: string): Promise<string> =>
      runUsers(app, 'set-app-data', email, json).then(
        () => 'done',
        (error: { stderr: string }) => error.stderr,
      );
    expect(await Promise.all(['{plan:1}', '[]', '-1'].map(refused))).toEqual([
      `The data are no JSON, and were not written. In a shell, put them in quotes: '{"plan":"pro"}'\n`,
      ...Array(2).fill('The data were not written: they must be a JSON object.\n'),
    ]);
    expect(await refused('{"a":1,"a":2}')).toBe(
      'The data are no usable JSON, and were not written. A member name appears twice in one object.\n',
    );
    expect(await refused(JSON.stringify({ a: 'x'.repeat(4089) }))).toBe(
      'The data were not written: they must have at most 4096 bytes as JSON.\n',
    );
    expect((await usersOf(app).find({ id: userId }))?.appData).toEqual({});
  });

  it('-- show prints no control character of a profile as it is', async () => {
    const app = await startApp();
    const { email, token } = await app.signIn();
    const profile = { name: '\u001b[2J\u009b2J\u007f\u202e\u200b' };
    await app.call('PATCH', '/v1/users/me', { token, json: { profile } });
    const text = await runUsers(app, 'show', email);
    expect(text).toContain(String.raw`"\u001b[2J\u009b2J\u007f\u202e\u200b"`);
    expect(JSON.parse(text)).toMatchObject({ email, profile, appData: {}, disabledAt: null });
  });
});

describe('onRegistered', () => {
  it('runs in the transaction that makes the user', async () => {
    const app = await startApp({
      onRegistered: async (tx, { id, email }) => {
        await tx.execute`UPDATE users SET app_data = ${JSON.stringify({ welcomed: email })}::jsonb WHERE id = ${id}::uuid`;
      },
    });
    const { email, userId } = await app.signIn();
    expect((await usersOf(app).find({ id: userId }))?.appData).toEqual({ welcomed: email });
    expect(await app.query('SELECT event FROM audit_events WHERE user_id = $1 ORDER BY id LIMIT 1', [userId])).toEqual([
      { event: 'user_registered' },
    ]);
  });

  it('finds the providers of every module, and is undone where there is none', async () => {
    const app = await startApp({
      features: [GreetingsModule],
      onRegistered: async (tx, { id, email }, providers) => {
        const greetings = email.startsWith('lost-')
          ? providers.get<Greetings>('no such provider')
          : providers.get(Greetings);
        await providers.get(Users).setAppData(id, { greeting: greetings.of(email) }, { tx });
      },
    });
    const { email, userId } = await app.signIn();
    expect((await usersOf(app).find({ id: userId }))?.appData).toEqual({ greeting: `Welcome ${email}` });
    const lost = `lost-${randomUUID()}@example.com`;
    expect(await codeOf(app.register(lost))).toBe('internal_error');
    expect(await usersOf(app).find({ email: lost })).toBeNull();
  });

  it('that throws undoes the registration and answers as itself', async () => {
    const { userNotFound } = await import('../../src/users/users.problems.js');
    const failures: (() => unknown)[] = [() => userNotFound(), () => new Error('no team is left')];
    for (const failure of failures) {
      const app = await startApp({
        onRegistered: () => {
          throw failure();
        },
      });
      const email = `${randomUUID()}@example.com`;
      const code = failure() instanceof Error && 'kind' in (failure() as object) ? 'user_not_found' : 'internal_error';
      expect(await codeOf(app.register(email))).toBe(code);
      const left = await app.query(
        `SELECT id FROM users UNION ALL SELECT user_id FROM audit_events WHERE event = 'user_registered'`,
      );
      expect(left).toEqual([]);
    }
  });

  it('is never taken for an address that is taken, which it does not see', async () => {
    const calls: string[] = [];
    const app = await startApp({
      onRegistered: async (tx, { email }) => {
        calls.push(email);
        // The same index is violated, by the application.
        await tx.execute`INSERT INTO users (id, email, email_lower, password_hash)
                             VALUES (gen_random_uuid(), ${email}, ${email}, '')`;
      },
    });
    const email = `${randomUUID()}@example.com`;
    expect(await codeOf(app.register(email))).toBe('internal_error');
    await app.query(
      `INSERT INTO users (id, email, email_lower, password_hash) VALUES (gen_random_uuid(), $1, $1, '')`,
      [email],
    );
    expect([await codeOf(app.register(email)), calls]).toEqual(['email_taken', [email]]);
  });
});

const issuer = (length: number): string => `https://accounts.example.com/${'x'.repeat(length - 29)}`;

describe('the length of access tokens', () => {
  it('is below the limit for every user, or the start is refused', async () => {
    const long = issuer(1300);
    await expect(startApp({ changes: { issuer: long, audience: long } })).rejects.toThrow(
      /^ISSUER and AUDIENCE are so long/,
    );
    const fits = issuer(1000);
    const app = await startApp({ changes: { issuer: fits, audience: fits } });
    expect((await app.me((await app.signIn()).token)).status).toBe(200);
    await expect(startApp({ changes: { issuer: fits, audience: fits }, claims: () => ({}) })).rejects.toThrow(
      /^ISSUER and AUDIENCE are so long/,
    );
  });

  it('refuses a role with which a token could be too long, and all before that are accepted', async () => {
    const long = issuer(800);
    const app = await startApp({ changes: { issuer: long, audience: long } });
    const { userId, email, token } = await app.signIn();
    const roles = app.nest.get(UserRolesService, { strict: false });
    let granted = 0;
    const grantAll = async (): Promise<void> => {
      for (; granted < 14; granted++) await roles.grantRole(userId, String.fromCharCode(97 + granted).repeat(32));
    };
    await expect(grantAll()).rejects.toMatchObject({ kind: { code: 'validation_failed' } });
    expect(granted).toBeGreaterThan(2);
    expect((await app.me(token)).body['code']).toBe('token_stale');
    const next = await app.signInAs(email);
    expect([(claimsOf(next.token)['roles'] as string[]).length, (await app.me(next.token)).status]).toEqual([
      granted,
      200,
    ]);
  });
});
