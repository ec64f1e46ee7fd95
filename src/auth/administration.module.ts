import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { OneTimeTokensModule } from '../one-time-tokens/one-time-tokens.module.js';
import { RevocationModule } from '../revocation/revocation.module.js';
import { SessionsModule } from '../sessions/sessions.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { AfterRestoreService } from './after-restore.service.js';
import { KeyAdministrationService } from './key-administration.service.js';

/** What an operator does by command. */
@Module({
  imports: [AuditModule, OneTimeTokensModule, TokensModule, RevocationModule, SessionsModule],
  providers: [KeyAdministrationService, AfterRestoreService],
  exports: [KeyAdministrationService, AfterRestoreService],
})
export class AdministrationModule {}
