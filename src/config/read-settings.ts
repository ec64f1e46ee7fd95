import ipaddr from 'ipaddr.js';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { settingWarnings } from './setting-warnings.js';
import type { Settings } from './config.js';
import { readEnvFile } from './env-file.js';
import type { Setting } from './setting-parsers.js';
import { settingConflicts, type Purpose } from './setting-conflicts.js';
import { settings } from './settings.js';
import { withSchema } from './postgres-url.js';
import { readUtf8File } from './utf8-file.js';

type Environment = Readonly<Record<string, string | undefined>>;
type Values = Record<string, unknown>;

/** The names of settings, and those of files that hold them. */
const NAMES: ReadonlySet<string> = new Set(Object.keys(settings).flatMap((name) => [name, `${name}_FILE`]));

/** Variables that Node.js and OpenSSL read when the process starts, before the `.env` file is. */
const ENVIRONMENT_ONLY = [
  'NODE_EXTRA_CA_CERTS',
  'NODE_OPTIONS',
  'NODE_TLS_REJECT_UNAUTHORIZED',
  'NODE_USE_SYSTEM_CA',
  'SSL_CERT_DIR',
  'SSL_CERT_FILE',
];

/** Lists every invalid setting by name, and never repeats a value. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';

  constructor(readonly problems: readonly string[]) {
    super(['The settings are not usable:', ...problems.map((problem) => `  ${problem}`)].join('\n'));
  }
}

/**
 * Reads the settings from the process's environment and the `.env` file of the working directory; the environment wins.
 */
export function readSettings(purpose?: Purpose, file = '.env'): Settings {
  const { values, environment } = readSources(file);
  const isInFileAlone = (name: string): boolean => values[name] !== undefined && process.env[name] === undefined;
  return parseSettings(environment, purpose, ENVIRONMENT_ONLY.filter(isInFileAlone));
}

/**
 * All variables of the `.env` file and the environment, also those that are no settings. Nothing else reads settings
 * from `process.env`.
 * @throws {SettingsError} when a line of the `.env` file is invalid.
 */
export function readEnvironment(): Environment {
  return readSources('.env').environment;
}

function readSources(file: string): { readonly values: Environment; readonly environment: Environment } {
  const { values, problems } = readEnvFile(file, NAMES);
  if (problems.length > 0) throw new SettingsError(problems.map((problem) => `.env ${problem}`));
  return { values, environment: { ...values, ...process.env } };
}

/**
 * Turns an environment into typed, frozen settings.
 * @param withoutEffect variables that were found where nothing reads them
 * @throws {SettingsError} naming all invalid settings at once.
 */
export function parseSettings(
  environment: Environment,
  purpose: Purpose = 'serve',
  withoutEffect: readonly string[] = [],
): Settings {
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
  // A setting that is invalid by itself is not reported again.
  const isNew = (found: string): boolean => !problems.some((known) => known.split(' ')[0] === found.split(' ')[0]);
  problems.push(...settingConflicts(derived, purpose, (name) => given.has(name)).filter(isNew));
  if (problems.length > 0) throw new SettingsError(problems);
  return Object.freeze({ ...derived, warnings: settingWarnings(given, withoutEffect) });
}

function textOf(name: string, setting: Setting<unknown>, environment: Environment): string | undefined {
  const text = environment[name];
  const file = environment[`${name}_FILE`];
  if (file !== undefined && !setting.secret)
    throw new RangeError(`is not a secret, so ${name}_FILE is not read: set ${name} itself`);
  if (text !== undefined && file !== undefined) throw new RangeError(`and ${name}_FILE are both set: remove one`);
  const value = file === undefined ? text : readSecretFile(name, file);
  if (value?.trim() === '') throw new RangeError('is empty: give it a value or leave it out');
  return value;
}

function readSecretFile(name: string, file: string): string {
  const problem = (reason: string): RangeError =>
    new RangeError(`cannot be read from the file that ${name}_FILE names, which ${reason}`);
  let text: string | undefined;
  try {
    text = readUtf8File(file);
  } catch (error) {
    throw problem((error as RangeError).message);
  }
  if (text === undefined) {
    throw problem('does not exist: create it, or correct its path (in a container: the path where it is mounted)');
  }
  const value = text.replace(/[\r\n]+$/, '');
  if (/[\r\n]/.test(value)) throw problem('has more than one line: keep only the line with the value');
  return value;
}

function derive(values: Values): Settings {
  const databaseSchema = values['databaseSchema'] as string | undefined;
  const inSchema = (url: unknown): string | undefined =>
    typeof url === 'string' ? withSchema(url, databaseSchema) : undefined;
  const databaseUrl = inSchema(values['databaseUrl']);
  return {
    ...values,
    databaseUrl,
    dataDir: resolve(String(values['dataDir'])),
    audience: values['audience'] ?? values['issuer'],
    databaseDirectUrl: inSchema(values['databaseDirectUrl']) ?? databaseUrl,
    docs: values['docs'] ?? (databaseUrl === undefined && isLoopback(String(values['host']))),
    hashConcurrency: Math.min(Number(values['hashConcurrency'] ?? Infinity), availableParallelism()),
  } as unknown as Settings;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || (ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback');
}

function camelCase(name: string): string {
  return name.toLowerCase().replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}
