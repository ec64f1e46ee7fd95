import { availableParallelism } from 'node:os';
import type { SettingWarning } from './config.js';
import { parsePostgresUrl } from './postgres-url.js';
import { ignoredParameters } from './postgres-url-parameters.js';

/** What is taken otherwise than it was given, for the log. `given` are the texts of settings that can be used, by name. */
export function settingWarnings(given: ReadonlyMap<string, string>): readonly SettingWarning[] {
  return [...blanks(given), ...audience(given), ...threads(given), ...parameters(given)];
}

/** Of secrets alone: any other setting is refused with a blank, since a secret may come of a file or a vault that adds one. */
function blanks(given: ReadonlyMap<string, string>): SettingWarning[] {
  const padded = [...given].filter(([name, text]) => text !== text.trim() && !LISTS.has(name));
  return padded.map(([setting]) => ({
    setting,
    reason: `${setting} begins or ends with a blank or a line break, which is taken for no part of it: take it out.`,
  }));
}

/** Where blanks around the commas, and so at the ends, are how lists are written. */
const LISTS: ReadonlySet<string> = new Set(['TRUSTED_PROXIES', 'CORS_ORIGINS']);

function audience(given: ReadonlyMap<string, string>): SettingWarning[] {
  if (given.get('AUDIENCE')?.includes(',') !== true) return [];
  const reason = 'AUDIENCE is one value and no list: tokens carry it as it is, the comma included.';
  return [{ setting: 'AUDIENCE', reason }];
}

function threads(given: ReadonlyMap<string, string>): SettingWarning[] {
  const [asked, cores] = [Number(given.get('HASH_CONCURRENCY') ?? 0), availableParallelism()];
  if (asked <= cores) return [];
  const reason = `HASH_CONCURRENCY is ${asked}, but there are ${cores} cores: at most one hash per core is computed at once.`;
  return [{ setting: 'HASH_CONCURRENCY', reason }];
}

function parameters(given: ReadonlyMap<string, string>): SettingWarning[] {
  const [url, direct] = [given.get('DATABASE_URL')?.trim(), given.get('DATABASE_DIRECT_URL')?.trim()];
  const isPooled = direct !== undefined && direct !== url;
  return [
    ...(url === undefined ? [] : parametersOf('DATABASE_URL', url, isPooled)),
    ...(isPooled ? parametersOf('DATABASE_DIRECT_URL', direct, false) : []),
  ];
}

function parametersOf(setting: string, url: string, isPooled: boolean): SettingWarning[] {
  const unheeded = ignoredParameters(parsePostgresUrl(url).searchParams, isPooled);
  return unheeded.map(({ name, remedy }) => ({
    setting,
    reason: `The parameter ${name} of ${setting} has no effect: ${remedy}.`,
  }));
}
