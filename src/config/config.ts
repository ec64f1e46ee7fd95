import type { Setting } from './setting-parsers.js';
import type { settings } from './settings.js';

type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<CamelCase<Tail>>}`
  : Lowercase<Name>;

type Table = typeof settings;
type Value<Kind> =
  Kind extends Setting<infer Type> ? (Kind extends { fallback: Type } ? Type : Type | undefined) : never;

/** A setting that is taken otherwise than it was given. */
export interface SettingWarning {
  readonly setting: string;
  /** A sentence for the log. */
  readonly reason: string;
}

type Derived = { audience: string; docs: boolean; hashConcurrency: number; warnings: readonly SettingWarning[] };

/** What the environment says: one frozen member per setting, `ACCESS_TOKEN_TTL_SECONDS` as `accessTokenTtlSeconds`. */
export type Settings = Readonly<
  Omit<{ [Name in keyof Table as CamelCase<Name>]: Value<Table[Name]> }, keyof Derived> & Derived
>;

/** What the embedded database fills in when the environment does not. */
interface DatabaseUrls {
  readonly databaseUrl: string;
  readonly databaseDirectUrl: string;
}

/** Settings complete enough to use the database. */
export type DatabaseConfig = Readonly<Omit<Settings, keyof DatabaseUrls> & DatabaseUrls>;

/** Settings complete enough to serve. */
export type Config = Readonly<Omit<DatabaseConfig, 'masterSecret'> & { readonly masterSecret: readonly string[] }>;

/** @throws {Error} when there is no `MASTER_SECRET`; with the embedded database there always is. */
export function requireMasterSecret(config: DatabaseConfig): Config {
  const { masterSecret } = config;
  if (masterSecret === undefined) throw new Error('MASTER_SECRET is required with DATABASE_URL');
  return Object.freeze({ ...config, masterSecret });
}

/** Injection token of the one Config. */
export const CONFIG = Symbol('config');
