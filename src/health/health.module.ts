import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { DatabaseReadiness } from './database-readiness.js';
import { GracefulShutdown } from './graceful-shutdown.js';
import { HealthController } from './health.controller.js';
import { HealthProbes } from './health-probe.js';

@Module({
  imports: [AccessModule, DatabaseModule, RevocationModule, TokensModule],
  controllers: [HealthController],
  providers: [DatabaseReadiness, GracefulShutdown, HealthProbes],
})
export class HealthModule {}
