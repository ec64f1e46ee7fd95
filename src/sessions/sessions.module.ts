import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { MailModule } from '../mail/mail.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { RefreshTokenCodec } from './refresh-token-codec.js';
import { RefreshTokensRepository } from './refresh-tokens.repository.js';
import { RefreshTokensService } from './refresh-tokens.service.js';
import { SessionLimits } from './session-limits.js';
import { SessionsPurgeJob } from './sessions-purge.job.js';
import { SessionsRepository } from './sessions.repository.js';
import { SessionsService } from './sessions.service.js';

@Module({
  imports: [AuditModule, DatabaseModule, JobsModule, MailModule, RevocationModule],
  providers: [
    SessionLimits,
    SessionsRepository,
    SessionsService,
    SessionsPurgeJob,
    RefreshTokenCodec,
    RefreshTokensRepository,
    RefreshTokensService,
  ],
  exports: [SessionsService, RefreshTokensService],
})
export class SessionsModule {}
