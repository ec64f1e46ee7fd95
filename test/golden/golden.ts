import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface GoldenUser {
  readonly id: string;
  readonly email: string;
  password: string;
}

/** The tokens of a session in the order in which they were issued. */
export interface GoldenSession {
  readonly id: string;
  readonly email: string;
  readonly accessTokens: readonly string[];
  readonly refreshTokens: readonly string[];
  readonly deviceToken: string;
}

/** `golden.json`: values that belong to `dump.sql` but are not stored in it. */
export interface Golden {
  readonly commit: string;
  /** By the clock of the database. */
  readonly madeAt: string;
  readonly masterSecret: string;
  readonly issuer: string;
  readonly users: Readonly<Record<'ada' | 'special' | 'disabled' | 'locked' | 'changed', GoldenUser>>;
  readonly sessions: Readonly<
    Record<
      /** With tokens of the first key, which is retiring, and a device with {@link knownDeviceFailures}. */
      | 'first'
      | 'byRevokedKey'
      | 'byRsa'
      /** Refreshed three times within a second. */
      | 'refreshed'
      /** Refreshed twice. */
      | 'reusable'
      /** Refreshed once, just before the dump. */
      | 'inGrace'
      | 'loggedOut'
      /** Ended because its first refresh token was reused. */
      | 'reused'
      /** Past both limits. */
      | 'expired'
      | 'ofDisabled'
      | 'ofSpecial'
      | 'ofLocked'
      /** Ended by the change of password that {@link changing} made. */
      | 'beforeChange'
      | 'changing'
      | 'ofRemoved',
      GoldenSession
    >
  >;
  readonly knownDeviceFailures: number;
  /** Wrong passwords for the locked account from unknown devices. */
  readonly lockedFailures: number;
  readonly used: {
    /** A used-up limit, also for the neighbour in the same /64. */
    readonly registerAddress: { readonly address: string; readonly neighbour: string; readonly count: number };
    readonly addressAndAccount: { readonly address: string; readonly email: string; readonly count: number };
  };
  readonly keys: readonly {
    readonly kid: string;
    readonly alg: string;
    readonly state: string;
    /** Hash of the decrypted private key; null for a deleted key. */
    readonly pkcs8Sha256: string | null;
  }[];
  /** By label, in hex. */
  readonly derivedKeys: Readonly<Record<string, string>>;
  readonly sealed: { readonly kid: string; readonly sealed: string; readonly pkcs8Sha256: string };
  readonly refreshToken: { readonly sessionId: string; readonly counter: number; readonly text: string };
  readonly deviceToken: { readonly id: string; readonly text: string };
  /** In hex, by the name of the limit and its subject. */
  readonly limitKeys: readonly { readonly limit: string; readonly whom: readonly string[]; readonly key: string }[];
}

const fileOf = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8');

export const golden = JSON.parse(fileOf('golden.json')) as Golden;

/** The statements of `dump.sql` for an empty database, with all times moved as if it had been made now. */
export function goldenDump(now = Date.now()): string {
  const elapsed = now - Date.parse(golden.madeAt);
  // `\restrict` is a psql command.
  const sql = fileOf('dump.sql').replaceAll(/^\\(?:un)?restrict .*$/gm, '');
  return sql.replaceAll(/'(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d+))?\+00'/g, (_, day, time, fraction = '') => {
    const micros = String(fraction).padEnd(6, '0');
    const moved = new Date(Date.parse(`${day}T${time}.${micros.slice(0, 3)}Z`) + elapsed);
    return `'${moved.toISOString().slice(0, -1)}${micros.slice(3)}Z'`;
  });
}
