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
import { insertEvents, insertSessions, insertUsers, type SeedBatch } from './seed-rows.js';

const EMAIL = 'admin@example.com';
const ROLE = 'admin';
const BATCH = 10_000;
/** A batch takes longer than a request may. */
const STATEMENT_TIMEOUT_MS = 60_000;

/** How many rows to make. Sessions and events belong to the users, so there are none without users. */
export interface SeedAmounts {
  readonly users: number;
  readonly sessions: number;
  readonly events: number;
}

/**
 * Makes one user, who has the role `admin`, with a random password, printed once, and as many more users, sessions and audit events as asked for.
 * The statistics of the tables are up to autovacuum, as the service's role may not own them.
 * @throws {Error} on a `DATABASE_URL` unless forced.
 */
export async function runSeed(termination: TerminationSignals, amounts: SeedAmounts, isForced: boolean): Promise<void> {
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
      if (amounts.users > 0) await insertOthers(prisma, config, amounts);
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
    INSERT INTO users (id, email, email_lower, password_hash, roles, email_verified_at)
    VALUES (${randomUUIDv7()}::uuid, ${EMAIL}, ${EMAIL}, ${passwordHash}, ${[ROLE]}::text[], now())
    ON CONFLICT (email_lower) DO NOTHING`,
  );
  if (isNew === 1) {
    const remedy = operatorCommand('users', `delete ${EMAIL}`);
    adviseOnLostOutput(`The password of ${EMAIL} is lost: delete that user (\`${remedy}\`) and seed again.`);
  }
  process.stdout.write(isNew === 1 ? `${EMAIL} has the password ${password}\n` : `${EMAIL} is there already.\n`);
}

/** A transaction for each batch, so that a batch is inserted only if this process lives to commit it. */
async function insertInBatches(
  prisma: PrismaService,
  { total, users, of }: { readonly total: number; readonly users: number; readonly of: string },
  insert: (tx: Transaction, batch: SeedBatch) => Promise<number>,
): Promise<number> {
  const { isTTY } = process.stdout;
  let inserted = 0;
  for (let first = 1; first <= total; first += BATCH) {
    const last = Math.min(first + BATCH - 1, total);
    inserted += await prisma.transaction((tx) => insert(tx, { first, last, total, users }));
    if (isTTY) process.stdout.write(`\r${last} of ${total} ${of}`);
  }
  if (isTTY) process.stdout.write('\r');
  return inserted;
}

async function insertOthers(prisma: PrismaService, config: DatabaseConfig, amounts: SeedAmounts): Promise<void> {
  const { users, sessions, events } = amounts;
  const sharedHash = await hashPasswordUnpooled(randomPassword(), hashCost(config));
  await insertInBatches(prisma, { total: users, users, of: 'users' }, (tx, batch) =>
    insertUsers(tx, batch, sharedHash),
  );
  process.stdout.write(`${users} users share one password nobody was told.\n`);
  if (sessions > 0) {
    const count = await insertInBatches(prisma, { total: sessions, users, of: 'sessions' }, insertSessions);
    process.stdout.write(`They have ${count} more sessions.\n`);
  }
  if (events > 0) {
    const count = await insertInBatches(prisma, { total: events, users, of: 'events' }, insertEvents);
    process.stdout.write(`The audit trail has ${count} more events of theirs.\n`);
  }
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
