import { loadArgon2Implementation } from './argon2-implementation.js';
import type { Argon2Cost } from './argon2-cost.js';

/**
 * Hashes a password in this very thread, for scripts that serve nobody meanwhile and must not be refused; the application
 * hashes in a {@link HashPool}. @returns a PHC string
 */
export async function hashPasswordUnpooled(password: string, cost: Argon2Cost): Promise<string> {
  const engine = await loadArgon2Implementation();
  return engine.hash(password, cost);
}
