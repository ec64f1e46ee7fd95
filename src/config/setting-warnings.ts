import { availableParallelism } from 'node:os';
import type { SettingWarning } from './config.js';
import { parsePostgresUrl } from './postgres-url.js';
import { ignoredParameters } from './postgres-url-parameters.js';
import { settings } from './settings.js';

/**
 * Warnings about values that are used in another way than they were given. `given` has the
 * texts of valid settings, by name; `withoutEffect` names variables that nothing reads.
 */
export function settingWarnings(
  given: ReadonlyMap<string, string>,
  withoutEffect: readonly string[],
): readonly SettingWarning[] {
  return [
    ...blankWarnings(given),
    ...issuerWarnings(given),
    ...audienceWarnings(given),
    ...threadWarnings(given),
    ...parameterWarnings(given),
    ...withoutEffect.map((setting) => ({
      setting,
      reason: `${setting} in .env has no effect: it is read when the process starts. Set it in the environment of the process.`,
    })),
  ];
}

/** Secrets only: they may come from a file or a vault that adds a blank. Any other setting with a blank is invalid. */
function blankWarnings(given: ReadonlyMap<string, string>): SettingWarning[] {
  const padded = [...given].filter(([name, text]) => text !== text.trim() && !LISTS.has(name));
  return padded.map(([setting]) => ({
    setting,
    reason: `${setting} begins or ends with a blank or a line break, which is ignored: remove it.`,
  }));
}

/** Lists may have blanks around their commas, and so at the ends. */
const LISTS: ReadonlySet<string> = new Set(['TRUSTED_PROXIES', 'CORS_ORIGINS', 'MAIL_NOTICES']);

/** Of the embedded database, whose service is reached by its port. */
function issuerWarnings(given: ReadonlyMap<string, string>): SettingWarning[] {
  const port = given.get('PORT') ?? '0';
  const { port: expected } = new URL(settings.ISSUER.fallback);
  if (given.has('ISSUER') || given.has('DATABASE_URL') || [expected, '0'].includes(port)) return [];
  const reason = `ISSUER is not set, so that links in mail lead to ${settings.ISSUER.fallback}: set ISSUER=http://127.0.0.1:${port}, or the public URL.`;
  return [{ setting: 'ISSUER', reason }];
}

function audienceWarnings(given: ReadonlyMap<string, string>): SettingWarning[] {
  if (given.get('AUDIENCE')?.includes(',') !== true) return [];
  const reason = 'AUDIENCE is one value and not a list: tokens carry it unchanged, with the comma.';
  return [{ setting: 'AUDIENCE', reason }];
}

function threadWarnings(given: ReadonlyMap<string, string>): SettingWarning[] {
  const [asked, cores] = [Number(given.get('HASH_CONCURRENCY') ?? 0), availableParallelism()];
  if (asked <= cores) return [];
  const reason = `HASH_CONCURRENCY is ${asked}, but there are ${cores} cores: at most one hash per core is computed at a time.`;
  return [{ setting: 'HASH_CONCURRENCY', reason }];
}

function parameterWarnings(given: ReadonlyMap<string, string>): SettingWarning[] {
  const [url, direct] = [given.get('DATABASE_URL')?.trim(), given.get('DATABASE_DIRECT_URL')?.trim()];
  const isPooled = direct !== undefined && direct !== url;
  return [
    ...(url === undefined ? [] : ignoredParametersOf('DATABASE_URL', url, isPooled)),
    ...(isPooled ? ignoredParametersOf('DATABASE_DIRECT_URL', direct, false) : []),
  ];
}

function ignoredParametersOf(setting: string, url: string, isPooled: boolean): SettingWarning[] {
  const ignored = ignoredParameters(parsePostgresUrl(url).searchParams, isPooled);
  return ignored.map(({ name, remedy }) => ({
    setting,
    reason: `The parameter ${name} of ${setting} has no effect: ${remedy}.`,
  }));
}
