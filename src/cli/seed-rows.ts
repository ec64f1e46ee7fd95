import { Prisma, type Transaction } from '../database/prisma.service.js';
import { userAgents } from './seed-user-agents.js';

/** Rows `first` to `last` of the `total` that the command makes. */
export interface SeedBatch {
  readonly first: number;
  readonly last: number;
  readonly total: number;
  /** Users that the command makes: `user1@example.com` to this number. */
  readonly users: number;
}

/** The first row is from this many days ago, the others evenly spread up to now. */
const USERS_SPAN_DAYS = 365;
/** `SESSION_ABSOLUTE_DAYS` is at most 30. */
const SESSIONS_SPAN_DAYS = 28;
/** Within `AUDIT_RETENTION_DAYS` by default. */
const EVENTS_SPAN_DAYS = 85;
/**
 * Sessions and events belong to users who had registered by then, most of them shortly before. The choice of any user
 * would write most pages of the users and of their indexes once more for each checkpoint.
 */
const RECENT_USERS = 50_000;

/** For each `n` of the batch its time `at`, evenly spread over the days up to now, in milliseconds. */
function timesSql({ first, last, total }: SeedBatch, days: number): Prisma.Sql {
  return Prisma.sql`(
    SELECT n, date_trunc('milliseconds', now() - make_interval(days => ${days}::int) * (1 - (n - 1)::float8 / ${total}::int)) AS at
    FROM generate_series(${first}::int, ${last}::int) n) numbered`;
}

/** RFC 9562 section 5.7 in SQL that PostgreSQL 15 knows: 48 bits of milliseconds, and the random bits of a UUID of version 4. */
const NEW_ID = Prisma.sql`(lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7'
    || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid`;

/**
 * One of the users who had registered when row `n` was made, as users span more days. The number is chosen first, as an index is not used for a
 * volatile expression.
 */
function userSql({ total, users }: SeedBatch): Prisma.Sql {
  return Prisma.sql`LATERAL (
    SELECT newest - floor(random() ^ 3 * least(newest, ${RECENT_USERS}::int))::int AS number
    FROM (VALUES (1 + floor((n - 1) * ${users}::float8 / ${total}::int)::int)) registered (newest) OFFSET 0) chosen
    JOIN users u ON u.email_lower = 'user' || chosen.number || '@example.com'`;
}

/** One of the texts, by chance. */
function anyOf(texts: readonly string[]): Prisma.Sql {
  return Prisma.sql`(${[...texts]}::text[])[1 + floor(random() * ${texts.length}::int)::int]`;
}

/** `user<first>@example.com` and so on. Leaves existing users as they are. @returns how many are new */
export function insertUsers(tx: Transaction, batch: SeedBatch, passwordHash: string): Promise<number> {
  return tx.$executeRaw`
    INSERT INTO users (id, email, email_lower, password_hash, created_at, email_verified_at)
    SELECT ${NEW_ID}, 'user' || n || '@example.com', 'user' || n || '@example.com', ${passwordHash}, at, at
    FROM ${timesSql(batch, USERS_SPAN_DAYS)}
    ON CONFLICT (email_lower) DO NOTHING`;
}

/**
 * Sessions within the limits of the default settings, refreshed some times, the last time recently. One of five of the last 13 days
 * was never refreshed. One of twenty has ended within the last day. @returns how many there are, fewer where users were deleted
 */
export async function insertSessions(tx: Transaction, batch: SeedBatch): Promise<number> {
  await requireIndexes(tx);
  return tx.$executeRaw`
    INSERT INTO sessions (id, user_id, created_at, ended_at, refresh_counter, refreshed_at, user_agent, network)
    SELECT ${NEW_ID}, u.id, at,
           CASE WHEN random() < 0.05 THEN now() - least(now() - refreshed_at, interval '1 day') * random() END,
           CASE WHEN refreshed_at > at THEN 1 + floor(random() ^ 2 * 200)::int ELSE 0 END,
           refreshed_at, ${anyOf(userAgents)},
           concat_ws('.', 11 + floor(random() * 80)::int, floor(random() * 256)::int, floor(random() * 256)::int, '0/24')
    FROM ${timesSql(batch, SESSIONS_SPAN_DAYS)}, ${userSql(batch)},
         LATERAL (SELECT CASE WHEN n % 5 = 0 AND at > now() - interval '13 days' THEN at
                              ELSE now() - least(now() - at, interval '13 days') * random() ^ 3 END AS refreshed_at) state`;
}

/** Events of the users, in the order of their times. @returns how many there are, fewer where users were deleted */
export async function insertEvents(tx: Transaction, batch: SeedBatch): Promise<number> {
  await requireIndexes(tx);
  return tx.$executeRaw`
    INSERT INTO audit_events (occurred_at, event, actor, user_id, session_id, address, user_agent, request_id)
    SELECT at, (ARRAY['session_started', 'session_started', 'session_started', 'session_ended', 'password_changed'])[1 + n % 5],
           'user', u.id, ${NEW_ID},
           concat_ws('.', 11 + floor(random() * 80)::int, floor(random() * 256)::int, floor(random() * 256)::int, 1 + floor(random() * 254)::int),
           ${anyOf(userAgents)}, gen_random_uuid()
    FROM ${timesSql(batch, EVENTS_SPAN_DAYS)}, ${userSql(batch)}
    ORDER BY n`;
}

/** The planner takes a table that grows for smaller than it is, and would read all of it for each batch. */
async function requireIndexes(tx: Transaction): Promise<void> {
  await tx.$executeRaw`SELECT set_config('enable_seqscan', 'off', true)`;
}
