import type { Setting } from './setting-parsers.js';
import type { settings } from './settings.js';

type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<CamelCase<Tail>>}`
  : Lowercase<Name>;

type Table = typeof settings;
type Value<Kind> =
  Kind extends Setting<infer Type> ? (Kind extends { fallback: Type } ? Type : Type | undefined) : never;

/** A setting whose value is used in another way than it was given. */
export interface SettingWarning {
  readonly setting: string;
  /** A sentence for the log. */
  readonly reason: string;
}

type Derived = { audience: string; docs: boolean; hashConcurrency: number; warnings: readonly SettingWarning[] };

/** The values of all settings: one frozen member per setting, `ACCESS_TOKEN_TTL_SECONDS` as `accessTokenTtlSeconds`. */
export type Settings = Readonly<
  Omit<{ [Name in keyof Table as CamelCase<Name>]: Value<Table[Name]> }, keyof Derived> & Derived
>;

/** Set by the embedded database when the environment has none. */
interface DatabaseUrls {
  readonly databaseUrl: string;
  readonly databaseDirectUrl: string;
}

/** Settings complete enough to use the database. */
export type DatabaseConfig = Readonly<
  Omit<Settings, keyof DatabaseUrls> & DatabaseUrls & { readonly isEmbedded?: boolean }
>;

/** Settings complete enough to serve. */
export type Config = Readonly<Omit<DatabaseConfig, 'masterSecret'> & { readonly masterSecret: readonly string[] }>;

/** Injection token of the application's {@link Config}. */
export const CONFIG = Symbol('config');

/** Whether mail can be sent: by `SMTP_URL`, or into files beside the embedded database. */
export function isMailOn({
  smtpUrl,
  databaseUrl,
  isEmbedded = false,
}: Settings & Pick<DatabaseConfig, 'isEmbedded'>): boolean {
  return smtpUrl !== undefined || isEmbedded || databaseUrl === undefined;
}
