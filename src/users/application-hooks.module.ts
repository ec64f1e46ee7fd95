import { Global, Module, type DynamicModule } from '@nestjs/common';
import { APPLICATION_HOOKS, type BoundHooks } from './application-hooks.js';

@Global()
@Module({})
export class ApplicationHooksModule {
  static forHooks(hooks: BoundHooks): DynamicModule {
    const providers = [{ provide: APPLICATION_HOOKS, useValue: hooks }];
    return { module: ApplicationHooksModule, providers, exports: [APPLICATION_HOOKS] };
  }
}
