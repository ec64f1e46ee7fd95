import { Injectable } from '@nestjs/common';
import { BackgroundJobs } from '../jobs/background-jobs.js';
import { PrismaService } from '../database/prisma.service.js';
import { PasswordsService } from '../passwords/passwords.service.js';
import { MetricsRegistry } from './metrics.registry.js';

/** Database connections, password hashing, and failures of background jobs. */
@Injectable()
export class ResourceMetrics {
  constructor(metrics: MetricsRegistry, prisma: PrismaService, passwords: PasswordsService, jobs: BackgroundJobs) {
    metrics.addCounter('gatehouse_job_failures_total', 'Background jobs that failed.', 'job', () =>
      jobs.failureCounts(),
    );
    metrics.addGauge(
      'gatehouse_database_connections',
      'Open database connections.',
      'sum',
      () => prisma.poolStats().total,
    );
    metrics.addGauge(
      'gatehouse_database_waiting',
      'Callers waiting for a connection.',
      'sum',
      () => prisma.poolStats().waiting,
    );
    metrics.addGauge(
      'gatehouse_hashes_limit',
      'Most password hashes at once.',
      'max',
      () => passwords.hashStats().limit,
    );
    metrics.addGauge(
      'gatehouse_hashes_running',
      'Password hashes being computed.',
      'sum',
      () => passwords.hashStats().running,
    );
    metrics.addGauge(
      'gatehouse_hashes_waiting',
      'Password hashes waiting.',
      'sum',
      () => passwords.hashStats().waiting,
    );
    metrics.addGauge(
      'gatehouse_hashes_longest_wait_seconds',
      'How long the first of them has waited.',
      'max',
      () => passwords.hashStats().longestWaitMs / 1000,
    );
    metrics.addCounter(
      'gatehouse_hashes_shed_total',
      'Password hashes refused.',
      'reason',
      () => passwords.hashStats().shed,
    );
  }
}
