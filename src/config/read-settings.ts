import ipaddr from 'ipaddr.js';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { settingWarnings } from './setting-warnings.js';
import type { Settings } from './config.js';
import { readEnvFile } from './env-file.js';
import { schemaOf } from './postgres-url.js';
import type { Setting } from './setting-parsers.js';
import { settings } from './settings.js';
import { readUtf8File } from './utf8-file.js';

/** What the settings are for: serving takes all of them, migrating and seeding only those of the database. */
type Purpose = 'serve' | 'migrate';
type Environment = Readonly<Record<string, string | undefined>>;
type Values = Record<string, unknown>;

/** Of settings, and of the files that may hold them. */
const NAMES: ReadonlySet<string> = new Set(Object.keys(settings).flatMap((name) => [name, `${name}_FILE`]));

/** Names every setting that is wrong and never repeats a value. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';

  constructor(readonly problems: readonly string[]) {
    super(['The settings are not usable:', ...problems.map((problem) => `  ${problem}`)].join('\n'));
  }
}

/** The process's environment over the `.env` file of the working directory. The only reader of `process.env`. */
export function readSettings(purpose?: Purpose): Settings {
  return parseSettings(readEnvironment(), purpose);
}

/**
 * All names there are, others' included, before anything is made of them.
 * @throws {SettingsError} when the `.env` file cannot be read as it is meant.
 */
export function readEnvironment(): Environment {
  const { values, problems } = readEnvFile('.env', NAMES);
  if (problems.length > 0) throw new SettingsError(problems.map((problem) => `.env ${problem}`));
  return { ...values, ...process.env };
}

/**
 * Turns an environment into typed, frozen settings.
 * @throws {SettingsError} naming all wrong settings at once.
 */
export function parseSettings(environment: Environment, purpose: Purpose = 'serve'): Settings {
  const problems: string[] = [];
  const given = new Map<string, string>();
  const values: Values = {};
  for (const [name, setting] of Object.entries<Setting<unknown>>(settings)) {
    try {
      const text = textOf(name, setting, environment);
      if (text !== undefined) given.set(name, text);
      values[camelCase(name)] =
        text === undefined ? setting.fallback : setting.parse(setting.secret ? text.trim() : text);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      problems.push(`${name} ${error.message}`);
    }
  }
  const derived = derive(values);
  const isNew = (found: string): boolean => !problems.some((known) => known.split(' ')[0] === found.split(' ')[0]);
  problems.push(...contradictions(derived, purpose).filter(isNew));
  if (problems.length > 0) throw new SettingsError(problems);
  return Object.freeze({ ...derived, warnings: settingWarnings(given) });
}

function textOf(name: string, setting: Setting<unknown>, environment: Environment): string | undefined {
  const text = environment[name];
  const file = environment[`${name}_FILE`];
  if (file !== undefined && !setting.secret)
    throw new RangeError(`is no secret: give it itself in place of ${name}_FILE`);
  if (text !== undefined && file !== undefined) throw new RangeError(`and ${name}_FILE are both set`);
  const value = file === undefined ? text : readSecretFile(name, file);
  if (value?.trim() === '') throw new RangeError('is empty: give it a value or leave it out');
  return value;
}

function readSecretFile(name: string, file: string): string {
  const problem = (flaw: string): RangeError =>
    new RangeError(`is to be read from the file of ${name}_FILE, which ${flaw}`);
  let text: string | undefined;
  try {
    text = readUtf8File(file);
  } catch (error) {
    throw problem((error as RangeError).message);
  }
  if (text === undefined) {
    throw problem(
      'does not exist: make it, or correct its path, which is of the process that starts (in a container: where it is mounted)',
    );
  }
  const value = text.replace(/[\r\n]+$/, '');
  if (/[\r\n]/.test(value)) throw problem('has more than one line: leave the value alone on one');
  return value;
}

function derive(values: Values): Settings {
  const databaseUrl = values['databaseUrl'];
  return {
    ...values,
    dataDir: resolve(String(values['dataDir'])),
    audience: values['audience'] ?? values['issuer'],
    databaseDirectUrl: values['databaseDirectUrl'] ?? databaseUrl,
    docs: values['docs'] ?? (databaseUrl === undefined && isLoopback(String(values['host']))),
    hashConcurrency: Math.min(Number(values['hashConcurrency'] ?? Infinity), availableParallelism()),
  } as unknown as Settings;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || (ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback');
}

/** OWASP Password Storage Cheat Sheet: the least memory, in KiB, for one, two, and three or more passes. */
const ARGON2_FLOOR_KIB = [47_104, 19_456, 12_288] as const;

function contradictions(config: Settings, purpose: Purpose): string[] {
  const problems: string[] = [];
  if (purpose === 'serve' && config.databaseUrl !== undefined && config.masterSecret === undefined) {
    problems.push('MASTER_SECRET is required with DATABASE_URL');
  }
  if (purpose === 'serve' && config.metricsPort && config.metricsPort === config.port) {
    problems.push('METRICS_PORT is the same as PORT: give each a port of its own');
  }
  if (config.databaseUrl === undefined && config.databaseDirectUrl !== undefined) {
    problems.push('DATABASE_DIRECT_URL needs DATABASE_URL');
  }
  const { databaseUrl, databaseDirectUrl } = config;
  if (databaseUrl && databaseDirectUrl && schemaOf(databaseUrl) !== schemaOf(databaseDirectUrl)) {
    problems.push('DATABASE_DIRECT_URL names another schema than DATABASE_URL');
  }
  const floor = ARGON2_FLOOR_KIB[Math.min(config.argon2Passes, 3) - 1] ?? 0;
  if (config.argon2MemoryKib < floor) {
    problems.push(`ARGON2_MEMORY_KIB is under OWASP's floor of ${floor} for this ARGON2_PASSES`);
  }
  return problems;
}

function camelCase(name: string): string {
  return name.toLowerCase().replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}
