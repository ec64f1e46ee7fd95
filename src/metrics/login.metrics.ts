import { Injectable } from '@nestjs/common';
import { LoginOutcomes } from '../access/login-outcomes.js';
import { MetricsRegistry } from './metrics.registry.js';

/** Outcomes of logins. */
@Injectable()
export class LoginMetrics {
  constructor(metrics: MetricsRegistry, logins: LoginOutcomes) {
    metrics.addCounter('gatehouse_logins_total', 'Logins.', 'outcome', () => logins.loginOutcomeCounts());
  }
}
