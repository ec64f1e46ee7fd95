import { Controller, Get, Module, type Type } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { RateLimit } from '../../src/access/rate-limit.decorator.js';
import {
  Authenticated,
  BearerOrBody,
  BodyLimit,
  EmailVerified,
  Public,
  Roles,
} from '../../src/access/route-access.decorators.js';
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

/** As a generator of CRUD routes does it: adds a handler to the class, with these decorators. */
function crud(...onHandler: readonly MethodDecorator[]): ClassDecorator {
  return ({ prototype }) => {
    const value = (): object => ({ rows: onHandler.length });
    Object.defineProperty(prototype, 'getMany', { value, writable: true, configurable: true });
    decorate(prototype as object, 'getMany', Get('many'), ...onHandler);
  };
}

/** Makes a handler of a method that the class has. */
const exposeRead: ClassDecorator = ({ prototype }) => decorate(prototype as object, 'read', Get('read'));

function decorate(prototype: object, name: string, ...decorators: readonly MethodDecorator[]): void {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name) ?? {};
  for (const each of decorators) each(prototype, name, descriptor);
}

/** A controller with the class decorators, the lowest first, that has a method without any. */
function classWith(...decorators: readonly ClassDecorator[]): Type {
  class NotesController {
    read(): object {
      return {};
    }
  }
  for (const each of [Controller('v1/notes'), ...decorators]) each(NotesController);
  return NotesController;
}

/** As TypeScript's handbook mixes classes: the methods of one are copied to the other. */
function mixedWith(source: Type): ClassDecorator {
  return ({ prototype }) => {
    const { constructor: _omitted, ...methods } = Object.getOwnPropertyDescriptors(source.prototype as object);
    Object.defineProperties(prototype, methods);
  };
}

class Readable {
  @Get('mixed')
  mixed(): object {
    return {};
  }
}

@EmailVerified()
@Roles('admin')
abstract class VerifiedAdmins {}

@Controller('v1/notes')
class VerifiedAlone extends VerifiedAdmins {
  @Get('own')
  @EmailVerified()
  own(): object {
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

  it.each<[string, Type, string]>([
    [
      'that a decorator above it adds',
      classWith(Roles('admin'), crud()),
      'NotesController.getMany became a handler after',
    ],
    ['of @EmailVerified()', classWith(EmailVerified(), crud()), 'NotesController.getMany became a handler after'],
    [
      'that has one of two rules',
      classWith(EmailVerified(), Roles('admin'), crud(Roles('editor'))),
      'NotesController.getMany became',
    ],
    ['that is public', classWith(Roles('admin'), crud(Public())), 'NotesController.getMany became a handler after'],
    [
      'that was a method when it ran',
      classWith(Roles('admin'), exposeRead),
      'NotesController.read became a handler after',
    ],
    [
      'that is mixed in above it',
      classWith(Roles('admin'), mixedWith(Readable)),
      'NotesController.mixed became a handler',
    ],
    [
      'that has another rule than the class it extends',
      VerifiedAlone,
      'VerifiedAlone.own is of a class that extends one',
    ],
    [
      'of a class that has it twice',
      classWith(exposeRead, Roles('admin'), Roles('editor')),
      'NotesController.read is of a class that has more than one @Roles()',
    ],
    [
      'of a class that has it twice, with one between',
      classWith(Roles('admin'), crud(Roles('a')), Roles('editor')),
      'is of a class that has more than one @Roles()',
    ],
  ])('of a class that would not hold for a handler %s stops the start (ACC-08)', async (_case, controller, message) => {
    class NotesModule {}
    Module({ controllers: [controller] })(NotesModule);
    await expect(startApp({ features: [NotesModule] })).rejects.toThrow(message);
  });

  it('would be that of another controller where both have one function as their handler, which stops the start', async () => {
    const rows: readonly string[] = [];
    const value = (): object => ({ rows });
    const sharing =
      (...onHandler: readonly MethodDecorator[]): ClassDecorator =>
      ({ prototype }) => {
        Object.defineProperty(prototype, 'getMany', { value });
        decorate(prototype as object, 'getMany', Get('many'), ...onHandler);
      };
    class NotesModule {}
    Module({ controllers: [classWith(sharing()), classWith(Controller('v1/others'), sharing(Public()))] })(NotesModule);
    await expect(startApp({ features: [NotesModule] })).rejects.toThrow(
      'NotesController.getMany is the same function as a handler of NotesController',
    );
  });

  it('of a class holds for handlers that a decorator below it adds', async () => {
    class NotesModule {}
    Module({ controllers: [classWith(crud(), exposeRead, mixedWith(Readable), Roles('admin'))] })(NotesModule);
    const app = await startApp({ features: [NotesModule] });
    const statuses = async (token: string): Promise<number[]> => {
      const answers = ['many', 'read', 'mixed'].map((path) => app.call('GET', `/v1/notes/${path}`, { token }));
      return (await Promise.all(answers)).map(({ status }) => status);
    };
    expect(await statuses(await withRoles(app))).toEqual([403, 403, 403]);
    expect(await statuses(await withRoles(app, 'admin'))).toEqual([200, 200, 200]);
  });

  it.each<[string, MethodDecorator]>([
    ['Public', Public()],
    ['BearerOrBody', BearerOrBody()],
    ['Authenticated', Authenticated('jwt')],
    ['BodyLimit', BodyLimit(100)],
    ['RateLimit', RateLimit({ name: 'notes', quota: 1, seconds: 1, by: 'address' })],
  ])('is for classes, unlike @%s, which is refused there and on what is no method', (_name, decorator) => {
    const untyped = decorator as (...target: unknown[]) => void;
    expect(() => untyped(class NotesController {})).toThrow('NotesController is no method');
    expect(() => untyped(Readable.prototype, 'field', undefined)).toThrow('Readable.field is no method');
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
