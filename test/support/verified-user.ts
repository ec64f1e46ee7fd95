import { randomUUID } from 'node:crypto';
import { PasswordsService } from '../../src/passwords/passwords.service.js';
import { PASSWORD, type TestApp } from './app.js';

/**
 * Adds a user with a verified address. Unlike one that registers and is verified afterwards, it is never mailed a link for its
 * verification, however early the job runs that makes this mail.
 */
export async function addVerifiedUser(app: TestApp, email = `${randomUUID()}@example.com`): Promise<string> {
  const hash = await app.nest.get(PasswordsService, { strict: false }).hashPassword(PASSWORD);
  await app.query(
    `INSERT INTO users (id, email, email_lower, password_hash, email_verified_at)
     VALUES ($1, $2, lower($2), $3, now())`,
    [randomUUID(), email, hash],
  );
  return email;
}
