import { Module } from '@nestjs/common';
import { DatabaseModule } from '../database/database.module.js';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { HealthController } from './health.controller.js';
import { MetricsServer } from './metrics.server.js';

@Module({
  imports: [DatabaseModule, PasswordsModule],
  controllers: [HealthController],
  providers: [MetricsServer],
})
export class HealthModule {}
