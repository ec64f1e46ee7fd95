import { loadArgon2Implementation } from './argon2-implementation.js';
import type { Argon2Cost } from './argon2-cost.js';

/**
 * Hashes a password in the calling thread and without the limits of the `HashPool`, which serves requests. For scripts.
 * @returns a PHC string
 */
export async function hashPasswordUnpooled(password: string, cost: Argon2Cost): Promise<string> {
  const argon2 = await loadArgon2Implementation();
  return argon2.hash(password, cost);
}
