import { Injectable } from '@nestjs/common';
import { LoginCounter } from '../access/login-counter.js';
import { MetricsRegistry } from './metrics.registry.js';

/** Outcomes of logins. */
@Injectable()
export class LoginMetrics {
  constructor(metrics: MetricsRegistry, logins: LoginCounter) {
    metrics.addCounter('gatehouse_logins_total', 'Logins.', 'outcome', () => logins.loginOutcomeCounts());
  }
}
