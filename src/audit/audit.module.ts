import { Module } from '@nestjs/common';
import { DatabaseModule } from '../database/database.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { AuditPurgeJob } from './audit-purge.job.js';
import { AuditRepository } from './audit.repository.js';
import { Audit } from './audit.js';
import { AuditService } from './audit.service.js';

@Module({
  imports: [DatabaseModule, JobsModule],
  providers: [AuditRepository, AuditService, Audit, AuditPurgeJob],
  exports: [AuditService, Audit],
})
export class AuditModule {}
