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

/** `golden.json`: what belongs to `dump.sql` and is not in it. */
export interface Golden {
  readonly commit: string;
  /** By the database's clock. */
  readonly madeAt: string;
  readonly masterSecret: string;
  readonly issuer: string;
  readonly users: Readonly<Record<'ada' | 'special' | 'disabled' | 'locked' | 'changed', GoldenUser>>;
  readonly sessions: Readonly<
    Record<
      /** Of the first key, which is retiring, and of a device with {@link knownDeviceFailures}. */
      | 'first'
      | 'byRevokedKey'
      | 'byRsa'
      /** Exchanged three times, in one second. */
      | 'refreshed'
      /** Exchanged twice. */
      | 'reusable'
      /** Exchanged once, just before the dump. */
      | 'inGrace'
      | 'loggedOut'
      /** Ended because its first refresh token came again. */
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
  /** So many wrong passwords of devices that the locked account does not know. */
  readonly lockedFailures: number;
  readonly used: {
    /** Used up, for the neighbour in the same /64 too. */
    readonly registerAddress: { readonly address: string; readonly neighbour: string; readonly count: number };
    readonly addressAndAccount: { readonly address: string; readonly email: string; readonly count: number };
  };
  readonly keys: readonly {
    readonly kid: string;
    readonly alg: string;
    readonly state: string;
    /** Of the opened private key; null for one that is gone. */
    readonly pkcs8Sha256: string | null;
  }[];
  /** By label, in hex. */
  readonly derivedKeys: Readonly<Record<string, string>>;
  readonly sealed: { readonly kid: string; readonly sealed: string; readonly pkcs8Sha256: string };
  readonly refreshToken: { readonly sessionId: string; readonly counter: number; readonly text: string };
  readonly deviceToken: { readonly id: string; readonly text: string };
  /** In hex, by the name of the limit and whom it is about. */
  readonly limitKeys: readonly { readonly limit: string; readonly whom: readonly string[]; readonly key: string }[];
}

const fileOf = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8');

export const golden = JSON.parse(fileOf('golden.json')) as Golden;

/** The statements of `dump.sql` for an empty database, as if it had been made at this moment. */
export function goldenDump(now = Date.now()): string {
  const elapsed = now - Date.parse(golden.madeAt);
  // `\restrict` is a command of psql.
  const sql = fileOf('dump.sql').replaceAll(/^\\(?:un)?restrict .*$/gm, '');
  return sql.replaceAll(/'(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d+))?\+00'/g, (_, day, time, fraction = '') => {
    const micros = String(fraction).padEnd(6, '0');
    const moved = new Date(Date.parse(`${day}T${time}.${micros.slice(0, 3)}Z`) + elapsed);
    return `'${moved.toISOString().slice(0, -1)}${micros.slice(3)}Z'`;
  });
}
