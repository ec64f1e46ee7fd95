import { Controller, Get, Module, type Type } from '@nestjs/common';

/** A module whose only handler, `GET /v1/notes`, has these decorators. */
export function moduleWith(onHandler: readonly MethodDecorator[], onController: readonly ClassDecorator[] = []): Type {
  class NotesController {
    read(): object {
      return {};
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(NotesController.prototype, 'read') ?? {};
  for (const decorate of [Get(), ...onHandler]) decorate(NotesController.prototype, 'read', descriptor);
  for (const decorate of [...onController, Controller('v1/notes')]) decorate(NotesController);
  class NotesModule {}
  Module({ controllers: [NotesController] })(NotesModule);
  return NotesModule;
}
