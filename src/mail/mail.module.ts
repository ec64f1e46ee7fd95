import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { JobsModule } from '../jobs/jobs.module.js';
import { OneTimeTokensModule } from '../one-time-tokens/one-time-tokens.module.js';
import { MailDeliveryService } from './mail-delivery.service.js';
import { MailRequestsRepository } from './mail-requests.repository.js';
import { MailRequestsService } from './mail-requests.service.js';
import { MailService } from './mail.service.js';
import { MailsPurgeJob } from './mails-purge.job.js';
import { MailsRepository } from './mails.repository.js';

@Module({
  imports: [AuditModule, DatabaseModule, JobsModule, OneTimeTokensModule],
  providers: [
    MailsRepository,
    MailService,
    MailRequestsRepository,
    MailRequestsService,
    MailDeliveryService,
    MailsPurgeJob,
  ],
  exports: [MailService, MailRequestsService, MailDeliveryService],
})
export class MailModule {}
