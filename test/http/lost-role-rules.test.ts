import { Controller, Get, Module, type Type } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { Public, Roles } from '../../src/access/route-access.decorators.js';
import { UserRolesService } from '../../src/users/user-roles.service.js';
import { startApp, type TestApp } from '../support/app.js';

const withRoles = async (app: TestApp, ...roles: string[]): Promise<string> => {
  const { userId, email } = await app.signIn();
  for (const role of roles) await app.nest.get(UserRolesService, { strict: false }).grantRole(userId, role);
  return (await app.signInAs(email)).token;
};

/** As a decorator for logs or transactions may do it. */
const wrapped: MethodDecorator = (_target, _name, descriptor) => {
  const method = descriptor.value as unknown as (...args: unknown[]) => unknown;
  function wrapper(this: unknown, ...args: unknown[]): unknown {
    return method.apply(this, args);
  }
  descriptor.value = wrapper as never;
};

/** {@link wrapped}, with the metadata of the method. */
const wrappedWithMetadata: MethodDecorator = (target, name, descriptor) => {
  const method = descriptor.value as object;
  wrapped(target, name, descriptor);
  for (const key of Reflect.getMetadataKeys(method) as unknown[]) {
    Reflect.defineMetadata(key, Reflect.getMetadata(key, method), descriptor.value as object);
  }
};

@Roles('admin')
abstract class AdminController {
  @Get('inherited')
  inherited(): object {
    return {};
  }
}

abstract class BaseController {
  @Get('own')
  @Roles('admin')
  own(): object {
    return {};
  }
}

@Controller('v1/notes')
class ExtendsGuarded extends AdminController {
  @Get('own')
  own(): object {
    return {};
  }
}

@Controller('v1/notes')
class Overrides extends BaseController {
  @Get('own')
  override own(): object {
    return {};
  }
}

@Controller('v1/notes')
class OverridesOfGuarded extends AdminController {
  @Get('inherited')
  override inherited(): object {
    return {};
  }
}

@Controller('v1/notes')
class Wraps {
  @Get('own')
  @wrapped
  @Roles('admin')
  own(): object {
    return {};
  }
}

@Controller('v1/notes')
class WrapsItsPublic {
  @Get('own')
  @wrapped
  @Public()
  own(): object {
    return {};
  }
}

@Controller('v1/notes')
@Roles('admin')
class HoldsItself extends AdminController {
  @Get('own')
  @wrappedWithMetadata
  @Roles('editor')
  own(): object {
    return {};
  }

  @Get('of-class')
  ofClass(): object {
    return {};
  }

  @Get('wrapped')
  @wrapped
  wrapped(): object {
    return {};
  }
}

@Controller('v1/public')
class OpensItself extends BaseController {
  @Get('own')
  @Public()
  override own(): object {
    return {};
  }
}

describe('a rule of @Roles (ACC-08)', () => {
  it.each<[string, Type, string]>([
    ['of a class that extends one with @Roles()', ExtendsGuarded, 'ExtendsGuarded.own is of a class that extends'],
    ['that overrides one with @Roles()', Overrides, 'Overrides.own overrides a handler with @Roles()'],
    ['that overrides one of a class with @Roles()', OverridesOfGuarded, 'OverridesOfGuarded.inherited overrides'],
    ['that another decorator has wrapped', Wraps, 'Wraps.own has a decorator that puts another function in its place'],
    ['with @Public() that another decorator has wrapped', WrapsItsPublic, 'WrapsItsPublic.own has a decorator that'],
  ])('that would be lost on a handler %s stops the start (ACC-08)', async (_case, controller, message) => {
    class NotesModule {}
    Module({ controllers: [controller] })(NotesModule);
    await expect(startApp({ features: [NotesModule] })).rejects.toThrow(message);
  });

  it('holds for inherited handlers, beside those of the class and a wrapper that keeps what is declared', async () => {
    class NotesModule {}
    Module({ controllers: [HoldsItself, OpensItself] })(NotesModule);
    const app = await startApp({ features: [NotesModule] });
    const statuses = async (token: string): Promise<number[]> => {
      const paths = ['notes/inherited', 'notes/own', 'notes/of-class', 'notes/wrapped', 'public/own'];
      const answers = paths.map((path) => app.call('GET', `/v1/${path}`, { token }));
      return (await Promise.all(answers)).map(({ status }) => status);
    };
    expect(await statuses(await withRoles(app))).toEqual([403, 403, 403, 403, 200]);
    expect(await statuses(await withRoles(app, 'admin'))).toEqual([200, 403, 200, 200, 200]);
    expect(await statuses(await withRoles(app, 'editor'))).toEqual([403, 200, 403, 403, 200]);
  });
});
