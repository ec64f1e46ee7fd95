import { Global, Module, type DynamicModule } from '@nestjs/common';
import { PRIMARY_LINK, type PrimaryLink } from './primary-link.js';

@Global()
@Module({})
export class WorkersModule {
  /** @param primary of a worker; undefined in a node of one process */
  static forProcess(primary: PrimaryLink | undefined): DynamicModule {
    return {
      module: WorkersModule,
      providers: [{ provide: PRIMARY_LINK, useValue: primary }],
      exports: [PRIMARY_LINK],
    };
  }
}
