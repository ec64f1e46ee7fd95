import { randomBytes, randomUUIDv7 } from 'node:crypto';
import type { DatabaseConfig } from '../config/config.js';
import { operatorCommand } from '../config/operator-commands.js';
import { readSettings } from '../config/read-settings.js';
import type { TerminationSignals } from '../config/termination-signals.js';
import { CircuitBreaker } from '../database/circuit-breaker.js';
import { PrismaService, type Transaction } from '../database/prisma.service.js';
import { ensureMigrated } from '../database/run-migrations.js';
import { NO_WAIT, retryUntilDatabaseAnswers } from '../database/wait-for-database.js';
import { hashPasswordUnpooled } from '../passwords/unpooled-hash.js';
import { withDatabase } from './command-database.js';
import { adviseOnLostOutput } from './command-output.js';

const EMAIL = 'admin@example.com';
const BATCH = 10_000;
/** A batch takes longer than a request may. */
const STATEMENT_TIMEOUT_MS = 60_000;

/**
 * Makes one user with a random password, printed once, and as many more users as asked for.
 * @throws {Error} on a `DATABASE_URL` unless forced.
 */
export async function runSeed(termination: TerminationSignals, users: number, isForced: boolean): Promise<void> {
  const settings = readSettings('migrate');
  const isEmbedded = settings.databaseUrl === undefined;
  if (!isEmbedded && !isForced) throw new Error('DATABASE_URL is set: add --force to fill that database');
  await withDatabase(settings, termination, async (config) => {
    await retryUntilDatabaseAnswers(config, NO_WAIT, () =>
      ensureMigrated(config, { migrate: isEmbedded, waitOptions: NO_WAIT }),
    );
    const prisma = new PrismaService(
      { ...config, databaseStatementTimeoutMs: STATEMENT_TIMEOUT_MS },
      new CircuitBreaker(),
    );
    try {
      await insertAdministrator(prisma, config);
      if (users > 0) await insertOthers(prisma, config, users);
    } finally {
      await prisma.$disconnect();
    }
  });
}

async function insertAdministrator(prisma: PrismaService, config: DatabaseConfig): Promise<void> {
  const password = randomPassword();
  const passwordHash = await hashPasswordUnpooled(password, hashCost(config));
  const isNew = await prisma.transaction(
    (tx) => tx.$executeRaw`
    INSERT INTO users (id, email, email_lower, password_hash) VALUES (${randomUUIDv7()}::uuid, ${EMAIL}, ${EMAIL}, ${passwordHash})
    ON CONFLICT (email_lower) DO NOTHING`,
  );
  if (isNew === 1) {
    const remedy = operatorCommand('users', `delete ${EMAIL}`);
    adviseOnLostOutput(`The password of ${EMAIL} is lost: delete that user (\`${remedy}\`) and seed again.`);
  }
  process.stdout.write(isNew === 1 ? `${EMAIL} has the password ${password}\n` : `${EMAIL} is there already.\n`);
}

async function insertOthers(prisma: PrismaService, config: DatabaseConfig, users: number): Promise<void> {
  const sharedHash = await hashPasswordUnpooled(randomPassword(), hashCost(config));
  const { isTTY } = process.stdout;
  for (let first = 1; first <= users; first += BATCH) {
    const last = Math.min(first + BATCH - 1, users);
    // A transaction, so that a batch is inserted only if this process lives to commit it.
    await prisma.transaction((tx) => insertUsers(tx, sharedHash, first, last));
    if (isTTY) process.stdout.write(`\r${last} of ${users} users`);
  }
  process.stdout.write(`${isTTY ? '\r' : ''}${users} users share one password nobody was told.\n`);
}

function hashCost({
  argon2MemoryKib,
  argon2Passes,
  argon2Lanes,
}: DatabaseConfig): Parameters<typeof hashPasswordUnpooled>[1] {
  return { memoryKib: argon2MemoryKib, passes: argon2Passes, lanes: argon2Lanes };
}

function randomPassword(): string {
  return randomBytes(18).toString('base64url');
}

/** RFC 9562 section 5.7 in SQL that PostgreSQL 15 knows: 48 bits of milliseconds over a random UUID of version 7. */
async function insertUsers(tx: Transaction, passwordHash: string, first: number, last: number): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO users (id, email, email_lower, password_hash)
    SELECT overlay(overlay(gen_random_uuid()::text PLACING '7' FROM 15)
             PLACING overlay(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') PLACING '-' FROM 9 FOR 0)
             FROM 1 FOR 13)::uuid,
           'user' || n || '@example.com', 'user' || n || '@example.com', ${passwordHash}
    FROM generate_series(${first}::int, ${last}::int) n
    ON CONFLICT (email_lower) DO NOTHING`;
}
