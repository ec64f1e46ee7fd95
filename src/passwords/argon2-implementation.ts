import type { Argon2Cost } from './argon2-cost.js';

/**
 * An implementation of argon2id (RFC 9106). Synchronous where the package can be; `argon2` only
 * runs on libuv's thread pool.
 */
export interface Argon2Implementation {
  readonly name: Argon2Package;
  /** A PHC string with a fresh 16-byte salt and a 32-byte tag. */
  hash(password: string, cost: Argon2Cost): string | Promise<string>;
  verify(passwordHash: string, password: string): boolean | Promise<boolean>;
}

export type Argon2Package = '@node-rs/argon2' | 'argon2';

/** In order of preference. */
export const ARGON2_PACKAGES: readonly Argon2Package[] = ['@node-rs/argon2', 'argon2'];

/**
 * Twice as fast as the other package (10 to 13 ms against 22 to 26 at 19 MiB and two passes). Not
 * every platform has a binary.
 */
export async function loadNodeRsPackage(): Promise<Argon2Implementation> {
  const { hashSync, verifySync } = await import('@node-rs/argon2');
  return {
    name: '@node-rs/argon2',
    hash: (password, { memoryKib, passes, lanes }) =>
      hashSync(password, { memoryCost: memoryKib, timeCost: passes, parallelism: lanes, outputLen: 32 }),
    verify: (passwordHash, password) => verifySync(passwordHash, password),
  };
}

export async function loadArgon2Package(): Promise<Argon2Implementation> {
  const { argon2id, hash, verify } = await import('argon2');
  return {
    name: 'argon2',
    hash: async (password, { memoryKib, passes, lanes }) => {
      const cost = { memoryCost: memoryKib, timeCost: passes, parallelism: lanes };
      return inPhcOrder(await hash(password, { ...cost, type: argon2id, hashLength: 32 }));
    },
    verify: (passwordHash, password) => verify(passwordHash, password),
  };
}

/** The package writes `m,p,t`; RFC 9106's reference code and every other reader expect `m,t,p`. */
function inPhcOrder(phc: string): string {
  return phc.replace(/,(p=\d+),(t=\d+)\$/, ',$2,$1$$');
}

/** Loads the first of the packages that has a binary for this platform. */
export function loadArgon2Implementation(
  packages: readonly Argon2Package[] = ARGON2_PACKAGES,
): Promise<Argon2Implementation> {
  const loads = { '@node-rs/argon2': loadNodeRsPackage, argon2: loadArgon2Package };
  return loadFirstAvailable(...packages.map((name) => loads[name]));
}

/** The import of a package without a binary for the platform fails. */
export async function loadFirstAvailable(
  ...loads: readonly (() => Promise<Argon2Implementation>)[]
): Promise<Argon2Implementation> {
  const failures: unknown[] = [];
  for (const load of loads) {
    try {
      return await load();
    } catch (error) {
      failures.push(error);
    }
  }
  throw new AggregateError(failures, 'No argon2 package has a binary for this platform');
}
