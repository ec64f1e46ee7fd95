import { Controller, Get, Module, type Type } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport';
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Authenticated, BearerOrBody, EmailVerified, Public, Roles } from '../../src/access/route-access.decorators.js';
import { UserRolesService } from '../../src/users/user-roles.service.js';
import { startApp, type TestApp } from '../support/app.js';
import { moduleWith } from '../support/one-handler-module.js';
import { addVerifiedUser } from '../support/verified-user.js';

/** Authenticates by a header that says whether the address is verified. */
class VerifiedHeader extends PassportStrategy(Strategy, 'verified-header') {
  /** Not called. */
  validate(): void {}

  override authenticate(request: { headers: Record<string, unknown> }): void {
    const { 'x-verified': verified } = request.headers;
    this.success({ userId: randomUUID(), ...(verified !== 'absent' && { emailVerified: verified === 'yes' }) });
  }
}

@Controller('v1/letters')
@EmailVerified()
class LettersController {
  @Get()
  list(): object {
    return {};
  }

  @Get('drafts')
  @Roles('editor')
  drafts(): object {
    return {};
  }

  @Get('machine')
  @Authenticated('verified-header')
  machine(): object {
    return {};
  }
}

@Module({ controllers: [LettersController], providers: [VerifiedHeader] })
class LettersModule {}

async function signIn(app: TestApp, isVerified: boolean, ...roles: string[]): Promise<string> {
  const { userId, email } = isVerified ? await app.signInAs(await addVerifiedUser(app)) : await app.signIn();
  for (const role of roles) await app.nest.get(UserRolesService, { strict: false }).grantRole(userId, role);
  return (await app.signInAs(email)).token;
}

describe('a route with @EmailVerified (API-01, ACC-08)', () => {
  it('lets pass who has a verified address, by a new token and a known one, and refuses others with 403', async () => {
    const app = await startApp({ features: [LettersModule] });
    const tokens = [await signIn(app, true), await signIn(app, false)];
    for (const _time of ['new', 'known']) {
      const answers = await Promise.all(tokens.map((token) => app.call('GET', '/v1/letters', { token })));
      expect(answers.map(({ status, body }) => body['code'] ?? status)).toEqual([200, 'email_unverified']);
      expect(answers[1]?.headers.get('www-authenticate')).toBe('Bearer realm="gatehouse", error="insufficient_scope"');
    }
    expect((await app.call('GET', '/v1/letters')).status).toBe(401);
  });

  it('asks for a role beside it', async () => {
    const app = await startApp({ features: [LettersModule] });
    const answers: unknown[] = [];
    for (const token of [
      await signIn(app, true),
      await signIn(app, false, 'editor'),
      await signIn(app, true, 'editor'),
    ]) {
      const { status, body } = await app.call('GET', '/v1/letters/drafts', { token });
      answers.push(body['code'] ?? status);
    }
    expect(answers).toEqual(['forbidden', 'email_unverified', 200]);
  });

  it('asks the same of a caller whom another strategy authenticates', async () => {
    const app = await startApp({ features: [LettersModule] });
    const answers = ['yes', 'no', 'absent'].map(async (verified) => {
      return (await app.call('GET', '/v1/letters/machine', { headers: { 'x-verified': verified } })).status;
    });
    expect(await Promise.all(answers)).toEqual([200, 403, 403]);
  });

  it('says in the OpenAPI document who may call it', async () => {
    const app = await startApp({ features: [LettersModule] });
    const { paths } = (await app.call('GET', '/openapi.json')).body as {
      paths: Record<string, { get: { description?: string } }>;
    };
    expect(['/v1/letters', '/v1/letters/drafts'].map((path) => paths[path]?.get.description)).toEqual([
      'For users with a verified address.',
      'For users with the role `editor` and a verified address.',
    ]);
  });

  it.each<[string, Type]>([
    ['@Public()', moduleWith([Public(), EmailVerified()])],
    ['@BearerOrBody() on the handler', moduleWith([BearerOrBody()], [EmailVerified()])],
  ])('beside %s stops the start', async (_case, feature) => {
    await expect(startApp({ features: [feature] })).rejects.toThrow(
      /has @Roles\(\) or @EmailVerified\(\), on itself or its controller, and @Public\(\) or @BearerOrBody\(\)/,
    );
  });

  it('that would be lost on a handler of an extending class stops the start', async () => {
    @EmailVerified()
    abstract class Guarded {
      @Get('inherited')
      inherited(): object {
        return {};
      }
    }
    @Controller('v1/notes')
    class Extending extends Guarded {
      @Get('own')
      own(): object {
        return {};
      }
    }
    @Module({ controllers: [Extending] })
    class ExtendingModule {}
    await expect(startApp({ features: [ExtendingModule] })).rejects.toThrow(
      'extends one with @Roles() or @EmailVerified()',
    );
  });
});
