import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { Freshness } from './freshness.js';
import { RefreshTokens } from './refresh-tokens.js';
import { RevocationsRepository } from './revocations.repository.js';
import { RevocationsService } from './revocations.service.js';
import { SessionsPurge } from './sessions-purge.js';
import { SessionsRepository } from './sessions.repository.js';
import { SessionsService } from './sessions.service.js';

@Module({
  imports: [AuditModule, DatabaseModule, TokensModule],
  providers: [
    SessionsRepository,
    SessionsService,
    SessionsPurge,
    RefreshTokens,
    RevocationsRepository,
    RevocationsService,
    Freshness,
  ],
  exports: [SessionsService, RevocationsService, Freshness],
})
export class SessionsModule {}
