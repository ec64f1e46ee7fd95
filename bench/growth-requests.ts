import { RefreshTokenCodec } from '../dist/sessions/refresh-token-codec.js';
import type { Config } from '../dist/config/config.js';
import { post, type Bench, type Server } from './harness.ts';
import { PASSWORD } from './login-load.ts';
import type { Seeded } from './seeded-data.ts';

/** Live sessions of one user, beyond which a login ends the oldest; some of the chosen ones are the same. */
const MOST_SESSIONS = 105;
/** Users, and as many seeded sessions to refresh. */
const USERS_PER_ROUND = 30;
const CROWDED_PER_ROUND = 3;

/** A seeded session, chosen by chance. */
interface SeededSession {
  readonly sessionId: string;
  readonly counter: number;
}

/** The users and sessions of one round, chosen by chance from the whole database. */
export interface Chosen {
  readonly emails: readonly string[];
  /** Users who have as many live sessions as are kept. */
  readonly crowded: readonly string[];
  readonly sessions: readonly SeededSession[];
}

/** Live sessions from all over the table; `$1` says how many. */
const CHOSEN_SESSIONS_SQL = `
  SELECT DISTINCT found.id, found.refresh_counter FROM generate_series(1, $1::int) n,
  LATERAL (
    SELECT (lpad(to_hex((extract(epoch FROM now() - interval '27 days' * random()) * 1000)::bigint), 12, '0')
            || '70008000000000000000')::uuid AS id WHERE n > 0 OFFSET 0
  ) chosen,
  LATERAL (
    SELECT s.id, s.refresh_counter FROM sessions s
    WHERE s.id >= chosen.id AND s.ended_at IS NULL AND s.refreshed_at > now() - interval '13 days' ORDER BY s.id LIMIT 1
  ) found`;

/**
 * Chooses users and gives them a password that is known. Gives the crowded ones live sessions from all over the table, as theirs would be
 * after weeks.
 */
export async function chooseUsers(bench: Bench, { size }: Seeded, passwordHash: string): Promise<Chosen> {
  const query = <Row extends object>(sql: string, values: unknown[]): Promise<Row[]> =>
    bench.query<Row>(bench.databaseUrl, sql, values);
  const names = Array.from(
    { length: USERS_PER_ROUND + CROWDED_PER_ROUND },
    () => `user${1 + Math.floor(Math.random() * size)}@example.com`,
  );
  await query('UPDATE users SET password_hash = $2 WHERE email_lower = ANY($1)', [names, passwordHash]);
  const crowded = names.slice(USERS_PER_ROUND);
  for (const email of crowded) {
    await query(
      `UPDATE sessions SET user_id = (SELECT id FROM users WHERE email_lower = $2)
       WHERE id = ANY(ARRAY(SELECT id FROM (${CHOSEN_SESSIONS_SQL}) chosen))`,
      [MOST_SESSIONS, email],
    );
  }
  // The former versions of the rows leave the indexes when they are met.
  for (let visit = 0; visit < 2; visit++) {
    await query('SELECT count(disabled_at) FROM users WHERE email_lower = ANY($1)', [names]);
    await query(
      `SELECT count(password_hash) FROM users WHERE id = ANY(ARRAY(SELECT id FROM users WHERE email_lower = ANY($1)))`,
      [names],
    );
  }
  const sessions = await query<SeededSession>(
    `SELECT id::text AS "sessionId", refresh_counter AS counter FROM (${CHOSEN_SESSIONS_SQL}) chosen`,
    [USERS_PER_ROUND],
  );
  return { emails: names.slice(0, USERS_PER_ROUND), crowded, sessions };
}

/** The hash of {@link PASSWORD}, from a registration. */
export async function knownPasswordHash(bench: Bench, { url }: Server): Promise<string> {
  const email = 'growth@example.com';
  await post(`${url}/v1/auth/register`, { email, password: PASSWORD });
  const [row] = await bench.query<{ hash: string }>(
    bench.databaseUrl,
    'SELECT password_hash AS hash FROM users WHERE email_lower = $1',
    [email],
  );
  if (row === undefined) throw new Error('the registration made no user');
  return row.hash;
}

/** Sends requests of the chosen users, each from another IP address. */
export class GrowthRequests {
  readonly #url: string;
  readonly #codec: RefreshTokenCodec;
  #addresses = 0;

  constructor({ url }: Server, { masterSecret }: Seeded) {
    this.#url = url;
    this.#codec = new RefreshTokenCodec({ masterSecret: [masterSecret] } as unknown as Config);
  }

  async sendRound({ emails, crowded, sessions }: Chosen): Promise<void> {
    // First, as a login may end one of the sessions.
    for (const session of sessions) {
      await this.#post('refresh', { refresh_token: this.#codec.encodeRefreshToken(session) });
    }
    for (const email of emails) await this.#useAccount(email);
    for (const email of crowded) await this.#post('login', { email, password: PASSWORD });
  }

  async #useAccount(email: string): Promise<void> {
    await this.#post('login', { email, password: 'not the right passphrase' }, 401);
    const { access_token: token, deviceToken } = await this.#post('login', { email, password: PASSWORD });
    await this.#post('login', { email, password: PASSWORD, deviceToken });
    const headers = { authorization: `Bearer ${String(token)}` };
    await this.#send('sessions', { headers }, 200);
    await this.#send('logout', { method: 'POST', headers: { ...headers, ...this.#fromNewAddress() } }, 204);
  }

  async #post(path: string, json: object, status = 200): Promise<Record<string, unknown>> {
    const headers = { 'content-type': 'application/json', ...this.#fromNewAddress() };
    return this.#send(path, { method: 'POST', headers, body: JSON.stringify(json) }, status);
  }

  #fromNewAddress(): Record<string, string> {
    const address = this.#addresses++;
    return { 'x-forwarded-for': `10.${address >> 16}.${(address >> 8) & 255}.${address & 255}` };
  }

  async #send(path: string, init: RequestInit, status: number): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.#url}/v1/auth/${path}`, init);
    const text = await response.text();
    if (response.status !== status) throw new Error(`${path} answered ${response.status}: ${text}`);
    return (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
  }
}
