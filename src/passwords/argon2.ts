import { loadEngine } from './argon2-engine.js';
import type { Argon2Cost } from './phc.js';

/**
 * Hashes a password in this very thread, for scripts that serve nobody meanwhile and must not be refused; the application
 * hashes in a {@link HashPool}. @returns a PHC string
 */
export async function hash(password: string, cost: Argon2Cost): Promise<string> {
  const engine = await loadEngine();
  return engine.hash(password, cost);
}
