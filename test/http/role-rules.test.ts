import { Controller, Get, Module, type Type } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport';
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Principal } from '../../src/access/principal.js';
import { Authenticated, BearerOrBody, CurrentUser, Public, Roles } from '../../src/access/route-access.decorators.js';
import { UserRolesService } from '../../src/users/user-roles.service.js';
import { startApp, type TestApp } from '../support/app.js';
import { moduleWith } from '../support/one-handler-module.js';

const CHALLENGE = 'Bearer realm="gatehouse", error="insufficient_scope"';

/** Authenticates by a header that names the caller's roles. */
class RolesHeader extends PassportStrategy(Strategy, 'roles-header') {
  /** Not called. */
  validate(): void {}

  override authenticate(request: { headers: Record<string, unknown> }): void {
    const { 'x-roles': roles } = request.headers;
    if (typeof roles !== 'string') return this.fail(401);
    const principal = { userId: randomUUID(), ...(roles !== 'absent' && { roles: roles.split(' ') }) };
    return this.success(principal);
  }
}

@Controller('v1/reports')
@Roles('admin', 'auditor')
class ReportsController {
  @Get()
  list(@CurrentUser() { roles }: Principal): object {
    return { roles };
  }

  @Get('drafts')
  @Roles('editor')
  drafts(): object {
    return {};
  }
}

@Controller('v1/machines')
class MachinesController {
  @Get()
  @Authenticated('roles-header')
  @Roles('admin')
  list(): object {
    return {};
  }
}

@Module({ controllers: [ReportsController, MachinesController], providers: [RolesHeader] })
class ReportsModule {}

const withRoles = async (app: TestApp, ...roles: string[]): Promise<string> => {
  const { userId, email } = await app.signIn();
  for (const role of roles) await app.nest.get(UserRolesService, { strict: false }).grantRole(userId, role);
  return (await app.signInAs(email)).token;
};

describe('a route with @Roles (API-01, ACC-08)', () => {
  it('lets pass who has any of the roles, by a new token and a known one, and refuses others with 403 before the body is read', async () => {
    const app = await startApp({ features: [ReportsModule] });
    const [none, editor, auditor] = [
      await withRoles(app),
      await withRoles(app, 'editor'),
      await withRoles(app, 'auditor'),
    ];
    for (const _time of ['new', 'known']) {
      const allowed = await app.call('GET', '/v1/reports', { token: auditor });
      expect([allowed.status, allowed.body]).toEqual([200, { roles: ['auditor'] }]);
      for (const token of [none, editor]) {
        const { status, headers, body } = await app.call('GET', '/v1/reports', { token });
        expect([status, body['code'], headers.get('www-authenticate')]).toEqual([403, 'forbidden', CHALLENGE]);
      }
      const drafts = [editor, auditor].map(
        async (token) => (await app.call('GET', '/v1/reports/drafts', { token })).status,
      );
      // The role of the handler takes the place of those of its controller.
      expect(await Promise.all(drafts)).toEqual([200, 403]);
    }
    const missing = await app.call('GET', '/v1/reports');
    expect([missing.status, missing.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="gatehouse"']);
    expect((await app.call('HEAD', '/v1/reports', { token: none })).status).toBe(403);
  });

  it('asks the same of a caller whom another strategy authenticates', async () => {
    const app = await startApp({ features: [ReportsModule] });
    const statusFor = async (roles: string) =>
      (await app.call('GET', '/v1/machines', { headers: { 'x-roles': roles } })).status;
    expect([await statusFor('admin'), await statusFor('editor'), await statusFor('absent')]).toEqual([200, 403, 403]);
    expect((await app.call('GET', '/v1/machines')).status).toBe(401);
  });

  it('says in the OpenAPI document who may call it', async () => {
    const app = await startApp({ features: [ReportsModule] });
    const { paths } = (await app.call('GET', '/openapi.json')).body as {
      paths: Record<string, { get: { description?: string; responses: Record<string, unknown> } }>;
    };
    const said = ['/v1/reports', '/v1/reports/drafts', '/v1/auth/me'].map((path) => {
      const { description, responses } = paths[path]?.get ?? { responses: {} };
      return [description, '403' in responses];
    });
    expect(said).toEqual([
      ['For users with one of the roles `admin`, `auditor`.', true],
      ['For users with the role `editor`.', true],
      [undefined, false],
    ]);
  });

  it('loses nothing to the next application in the process', async () => {
    const apps: TestApp[] = [
      await startApp({ features: [ReportsModule] }),
      await startApp({ features: [ReportsModule] }),
    ];
    for (const app of apps) {
      const token = await withRoles(app);
      expect((await app.call('GET', '/v1/reports', { token })).status).toBe(403);
    }
  });

  it.each<[string, Type, RegExp]>([
    ['@Public()', moduleWith([Public(), Roles('admin')]), /^NotesController\.read has @Roles\(\).*@Public/],
    [
      '@Public() on the handler',
      moduleWith([Public()], [Roles('admin')]),
      /^NotesController\.read has @Roles\(\).*@Public/,
    ],
    ['@BearerOrBody()', moduleWith([BearerOrBody(), Roles('admin')]), /^NotesController\.read has @Roles\(\)/],
    [
      'another @Roles()',
      moduleWith([Roles('admin'), Roles('editor')]),
      /^NotesController\.read has more than one @Roles/,
    ],
  ])('beside %s stops the start (ACC-08)', async (_case, feature, message) => {
    await expect(startApp({ features: [feature] })).rejects.toThrow(message);
  });

  it.each([[[]], [['Admin']], [['a b']], [['admin', '']]])('cannot be made of the roles %j', (roles) => {
    expect(() => Roles(...(roles as unknown as [string]))).toThrow(TypeError);
  });

  it('is refused on a controller that inherits handlers, which others may inherit too', () => {
    class Base {
      read(): object {
        return {};
      }
    }
    Get()(Base.prototype, 'read', Object.getOwnPropertyDescriptor(Base.prototype, 'read') ?? {});
    class NotesController extends Base {}
    expect(() => Roles('admin')(NotesController)).toThrow('NotesController inherits read()');
  });
});
