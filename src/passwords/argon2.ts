import { firstThatLoads, loadArgon2, loadNodeRsArgon2 } from './argon2-engine.js';
import { HashSlots, type HashSlotsStats } from './hash-slots.js';
import type { Argon2Cost } from './phc.js';

const engine = await firstThatLoads(loadNodeRsArgon2, loadArgon2);

/** One per process, whatever runs in it: every hash and every verification takes a slot. */
const slots = new HashSlots();

/** Which package serves; decided once, when this file is loaded. */
export const implementation = engine.name;

/** Hashes the UTF-8 bytes of a password with argon2id. @returns a PHC string */
export function hash(password: string, cost: Argon2Cost): Promise<string> {
  return slots.run(() => engine.hash(password, cost));
}

/**
 * Whether a password is the one of a PHC string, at that string's own cost.
 * @throws {TypeError} when the hash is not argon2's, which is damage in the database and no wrong password
 */
export async function verify(passwordHash: string, password: string): Promise<boolean> {
  if (!passwordHash.startsWith('$argon2')) throw new TypeError('The stored password hash is not argon2');
  return slots.run(() => engine.verify(passwordHash, password));
}

/** How many hashes run and wait in this process. */
export function stats(): HashSlotsStats {
  return slots.stats();
}
