import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { RefreshTokens } from './refresh-tokens.js';
import { SessionsPurge } from './sessions-purge.job.js';
import { SessionsRepository } from './sessions.repository.js';
import { SessionsService } from './sessions.service.js';

@Module({
  imports: [AuditModule, DatabaseModule, JobsModule, RevocationModule],
  providers: [SessionsRepository, SessionsService, SessionsPurge, RefreshTokens],
  exports: [SessionsService],
})
export class SessionsModule {}
