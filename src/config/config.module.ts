import { Global, Module, type DynamicModule } from '@nestjs/common';
import { CONFIG, type Config } from './config.js';
import { ShutdownAnnouncement } from './shutdown-announcement.js';

@Global()
@Module({})
export class ConfigModule {
  static forConfig(config: Config): DynamicModule {
    return {
      module: ConfigModule,
      providers: [{ provide: CONFIG, useValue: config }, ShutdownAnnouncement],
      exports: [CONFIG, ShutdownAnnouncement],
    };
  }
}
