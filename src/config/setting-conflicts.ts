import { isMailOn, type Config, type DatabaseConfig, type Settings } from './config.js';
import { schemaOf } from './postgres-url.js';
import type { settings } from './settings.js';

/** Serving uses all settings, migrating and seeding only those of the database. */
export type Purpose = 'serve' | 'migrate';

/** OWASP Password Storage Cheat Sheet: the least memory, in KiB, for one, two, and three or more passes. */
const ARGON2_MIN_MEMORY_KIB = [47_104, 19_456, 12_288] as const;

/** The error for `DATABASE_URL` without `MASTER_SECRET`. */
const MASTER_SECRET_MISSING = 'MASTER_SECRET is required with DATABASE_URL: set it, to the same value on every node';

/** @throws {Error} when there is no `MASTER_SECRET`; the embedded database always has one. */
export function requireMasterSecret(config: DatabaseConfig): Config {
  const { masterSecret } = config;
  if (masterSecret === undefined) throw new Error(MASTER_SECRET_MISSING);
  return Object.freeze({ ...config, masterSecret });
}

/** What is wrong with settings that are valid one by one; each begins with the name of the setting to change. */
export function settingConflicts(
  config: Settings,
  purpose: Purpose,
  isGiven: (name: keyof typeof settings) => boolean,
): string[] {
  const problems: string[] = [];
  if (purpose === 'serve' && config.databaseUrl !== undefined && config.masterSecret === undefined) {
    problems.push(MASTER_SECRET_MISSING);
  }
  if (purpose === 'serve' && config.metricsPort && config.metricsPort === config.port) {
    problems.push('METRICS_PORT is the same as PORT: give each a port of its own');
  }
  if (config.smtpUrl !== undefined && config.mailFrom === undefined) {
    problems.push('MAIL_FROM is required with SMTP_URL: set the address that mail comes from');
  }
  if (purpose === 'serve' && config.smtpUrl !== undefined && !isGiven('ISSUER') && leadsToOwnPages(config)) {
    problems.push(
      'ISSUER is required with SMTP_URL: the links in mail begin with it; set the public URL of the service',
    );
  }
  if (purpose === 'serve' && config.registration === 'verified' && !isMailOn(config)) {
    problems.push('REGISTRATION=verified needs mail: set SMTP_URL and MAIL_FROM, or let anyone register (open)');
  }
  if (config.databaseUrl === undefined && config.databaseDirectUrl !== undefined) {
    problems.push('DATABASE_DIRECT_URL needs DATABASE_URL: set both, or neither');
  }
  const { databaseUrl, databaseDirectUrl, databaseSchema } = config;
  if (databaseUrl && databaseSchema !== undefined && schemaOf(databaseUrl) !== databaseSchema) {
    problems.push('DATABASE_SCHEMA names another schema than DATABASE_URL: set one of them, or both to the same');
  }
  if (databaseUrl && databaseDirectUrl && schemaOf(databaseUrl) !== schemaOf(databaseDirectUrl)) {
    problems.push('DATABASE_DIRECT_URL names another schema than DATABASE_URL: give both the same');
  }
  const minimum = ARGON2_MIN_MEMORY_KIB[Math.min(config.argon2Passes, 3) - 1] ?? 0;
  if (config.argon2MemoryKib < minimum) {
    problems.push(`ARGON2_MEMORY_KIB is below OWASP's minimum of ${minimum} for this ARGON2_PASSES: raise it`);
  }
  return problems;
}

function leadsToOwnPages(config: Settings): boolean {
  const { emailVerificationUrl, passwordResetUrl, emailChangeUrl, invitationUrl } = config;
  return [emailVerificationUrl, passwordResetUrl, emailChangeUrl, invitationUrl].includes(undefined);
}
