import { Injectable } from '@nestjs/common';
import { PURGE_MAILS_LOCK } from '../database/advisory-lock.js';
import { BackgroundJobs } from '../jobs/background-jobs.js';
import { PrismaService } from '../database/prisma.service.js';
import { MailRequestsRepository } from './mail-requests.repository.js';
import { MailsRepository } from './mails.repository.js';

const PURGE_INTERVAL_SECONDS = 3600;

/** Deletes mails that were sent or given up a day ago. Until then they bound how many more there are. */
@Injectable()
export class MailsPurgeJob {
  constructor(
    private readonly jobs: BackgroundJobs,
    private readonly prisma: PrismaService,
    private readonly repository: MailsRepository,
    private readonly requests: MailRequestsRepository,
  ) {
    jobs.addRecurringJob(PURGE_INTERVAL_SECONDS, 'purge mails', () => this.purgeMails());
  }

  async purgeMails(): Promise<void> {
    await this.requests.deleteOldRequests(this.prisma);
    await this.repository.giveUpOldMails(this.prisma);
    await this.jobs.purgeInBatches(PURGE_MAILS_LOCK, (query, after) => this.repository.purgeMailBatch(query, after));
  }
}
