import { Injectable } from '@nestjs/common';
import { BackgroundJobs } from '../jobs/background-jobs.js';
import { MailDeliveryService } from '../mail/mail-delivery.service.js';
import { MailService } from '../mail/mail.service.js';
import { MetricsRegistry } from './metrics.registry.js';

/** How often the waiting mails are counted. */
const INTERVAL_SECONDS = 15;

/** Mail that waits, and what became of the rest. */
@Injectable()
export class MailMetrics {
  #waiting = { count: 0, oldestSeconds: 0 };
  #readAt = performance.now();

  constructor(metrics: MetricsRegistry, mail: MailService, delivery: MailDeliveryService, jobs: BackgroundJobs) {
    if (!mail.isOn) return;
    jobs.addRecurringJob(INTERVAL_SECONDS, 'count waiting mail', async () => {
      this.#waiting = await mail.readWaiting();
      this.#readAt = performance.now();
    });
    metrics.addGauge(
      'gatehouse_mails_waiting',
      'Mails of all nodes to be sent, 1000 at most.',
      'max',
      () => this.#waiting.count,
    );
    metrics.addGauge('gatehouse_mails_oldest_seconds', 'How long the oldest has waited.', 'max', () => this.#oldest());
    metrics.addCounter('gatehouse_mails_total', 'Mails that are done.', 'outcome', () => delivery.outcomeCounts());
    metrics.addCounter('gatehouse_mail_attempts_total', 'Mails handed to the mail server.', 'outcome', () =>
      delivery.attemptCounts(),
    );
  }

  #oldest(): number {
    const { count, oldestSeconds } = this.#waiting;
    return count === 0 ? 0 : oldestSeconds + (performance.now() - this.#readAt) / 1000;
  }
}
