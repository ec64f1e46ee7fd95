import { Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { AuditModule } from '../audit/audit.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { KeyRing } from './key-ring.js';
import { KeyRotationJob } from './key-rotation.job.js';
import { KeyRotationService } from './key-rotation.service.js';
import { SigningKeysRepository } from './signing-keys.repository.js';
import { AccessTokenIssuer } from './access-token-issuer.js';

@Module({
  imports: [AuditModule, DatabaseModule, JobsModule, JwtModule.register({})],
  providers: [SigningKeysRepository, KeyRing, KeyRotationService, KeyRotationJob, AccessTokenIssuer],
  exports: [KeyRing, KeyRotationService, AccessTokenIssuer],
})
export class TokensModule {}
