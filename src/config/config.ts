import type { Setting } from './setting-kinds.js';
import type { settings } from './settings.js';

type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<CamelCase<Tail>>}`
  : Lowercase<Name>;

type Table = typeof settings;
type Value<Kind> =
  Kind extends Setting<infer Type> ? (Kind extends { fallback: Type } ? Type : Type | undefined) : never;

type Derived = { audience: string; docs: boolean };

/** What the environment says: one frozen member per setting, `ACCESS_TOKEN_TTL_SECONDS` as `accessTokenTtlSeconds`. */
export type Settings = Readonly<
  Omit<{ [Name in keyof Table as CamelCase<Name>]: Value<Table[Name]> }, keyof Derived> & Derived
>;

/** What only the embedded database can fill in when the environment does not. */
export interface Provided {
  readonly databaseUrl: string;
  readonly databaseDirectUrl: string;
  readonly masterSecret: readonly string[];
}

/** Settings complete enough to run on. */
export type Config = Readonly<Omit<Settings, keyof Provided> & Provided>;

/** Injection token of the one Config. */
export const CONFIG = Symbol('config');
