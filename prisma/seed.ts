import { randomBytes, randomUUIDv7 } from 'node:crypto';
import { parseArgs } from 'node:util';
import { readSettings } from '../dist/config/read-settings.js';
import { CircuitBreaker } from '../dist/database/circuit-breaker.js';
import { PrismaService } from '../dist/database/prisma.service.js';
import { endCommand, provideForCommand } from '../dist/cli/command-database.js';
import { ensureMigrated } from '../dist/database/run-migrations.js';
import { NO_WAIT } from '../dist/database/startup-wait.js';
import { retryUntilDatabaseAnswers } from '../dist/database/wait-for-database.js';
import { hashPasswordUnpooled } from '../dist/passwords/unpooled-hash.js';

const EMAIL = 'admin@example.com';
const BATCH = 10_000;

/** One user with a random password, printed once; with `--users N`, user1@example.com to userN@example.com as well. */
async function seed(
  prisma: PrismaService,
  cost: Parameters<typeof hashPasswordUnpooled>[1],
  users: number,
): Promise<void> {
  const password = randomPassword();
  const passwordHash = await hashPasswordUnpooled(password, cost);
  const isNew = await prisma.$executeRaw`
    INSERT INTO users (id, email, email_lower, password_hash) VALUES (${randomUUIDv7()}::uuid, ${EMAIL}, ${EMAIL}, ${passwordHash})
    ON CONFLICT (email_lower) DO NOTHING`;
  console.log(isNew === 1 ? `${EMAIL} has the password ${password}` : `${EMAIL} is there already.`);
  const sharedHash = await hashPasswordUnpooled(randomPassword(), cost);
  for (let first = 1; first <= users; first += BATCH) {
    await insertUsers(prisma, sharedHash, first, Math.min(first + BATCH - 1, users));
    if (process.stdout.isTTY) process.stdout.write(`\r${Math.min(first + BATCH - 1, users)} of ${users} users`);
  }
  if (users > 0) console.log(`${process.stdout.isTTY ? '\r' : ''}${users} users share one password nobody was told.`);
}

function randomPassword(): string {
  return randomBytes(18).toString('base64url');
}

/** RFC 9562 section 5.7 in SQL that PostgreSQL 15 knows: 48 bits of milliseconds over a random UUID of version 7. */
async function insertUsers(prisma: PrismaService, passwordHash: string, first: number, last: number): Promise<void> {
  await prisma.$executeRaw`
    INSERT INTO users (id, email, email_lower, password_hash)
    SELECT overlay(overlay(gen_random_uuid()::text PLACING '7' FROM 15)
             PLACING overlay(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') PLACING '-' FROM 9 FOR 0)
             FROM 1 FOR 13)::uuid,
           'user' || n || '@example.com', 'user' || n || '@example.com', ${passwordHash}
    FROM generate_series(${first}::int, ${last}::int) n
    ON CONFLICT (email_lower) DO NOTHING`;
}

async function main(): Promise<void> {
  const options = { users: { type: 'string', default: '0' }, force: { type: 'boolean', default: false } } as const;
  const { users, force } = parseArgs({ options }).values;
  const settings = readSettings('migrate');
  if (!/^\d{1,8}$/.test(users)) throw new Error('--users takes a whole number');
  if (settings.databaseUrl !== undefined && !force)
    throw new Error('DATABASE_URL is set: add --force to fill that database');
  const database = await provideForCommand(settings);
  try {
    const { config } = database;
    await retryUntilDatabaseAnswers(config, NO_WAIT, () =>
      ensureMigrated(config, { migrate: settings.databaseUrl === undefined }),
    );
    const prisma = new PrismaService({ ...config, databaseStatementTimeoutMs: 60_000 }, new CircuitBreaker());
    const cost = { memoryKib: config.argon2MemoryKib, passes: config.argon2Passes, lanes: config.argon2Lanes };
    try {
      await seed(prisma, cost, Number(users));
    } finally {
      await prisma.$disconnect();
    }
  } finally {
    await database.stop();
  }
}

try {
  await main();
} catch (error) {
  await endCommand(1, error instanceof Error ? error.message : String(error));
}
