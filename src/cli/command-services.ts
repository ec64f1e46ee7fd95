import { Module, type DynamicModule, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AccountModule } from '../account/account.module.js';
import { AuditModule } from '../audit/audit.module.js';
import { AdministrationModule } from '../auth/administration.module.js';
import { ConfigModule } from '../config/config.module.js';
import type { Config } from '../config/config.js';
import { UNKNOWN_HOOKS } from '../users/application-hooks.js';
import { ApplicationHooksModule } from '../users/application-hooks.module.js';
import { UsersModule } from '../users/users.module.js';
import { WorkersModule } from '../workers/workers.module.js';

/** The services that commands call. What answers requests is not among them, and would take as long to load. */
@Module({})
class CommandModule {
  static of(config: Config): DynamicModule {
    return {
      module: CommandModule,
      imports: [
        ConfigModule.forConfig(config),
        WorkersModule.forProcess(undefined),
        ApplicationHooksModule.forHooks(UNKNOWN_HOOKS),
        AuditModule,
        UsersModule,
        AdministrationModule,
        AccountModule,
      ],
    };
  }
}

/** Without background jobs and log. The database must be running and migrated. */
export function createServices(config: Config): Promise<INestApplicationContext> {
  return NestFactory.createApplicationContext(CommandModule.of(config), { logger: false, abortOnError: false });
}
