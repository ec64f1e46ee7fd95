import { randomUUID } from 'node:crypto';
import { parseSettings } from '../dist/config/read-settings.js';
import { requireMasterSecret } from '../dist/config/setting-conflicts.js';
import { RefreshTokenCodec } from '../dist/sessions/refresh-token-codec.js';
import { forwardedFor, refresh } from './api-requests.ts';
import type { Bench, Environment } from './harness.ts';
import type { RequestSource } from './load-generator.ts';

/** So many that none reaches the limit of 60 refreshes in a minute. */
const SESSIONS = 10_000;

/** The first refresh tokens of this many new sessions, each of another user. */
export async function makeSessions(bench: Bench, databaseUrl: string, environment: Environment): Promise<string[]> {
  const ids = Array.from({ length: SESSIONS }, () => randomUUID());
  const sql = `
    WITH ids AS (SELECT id FROM unnest($1::uuid[]) id), added AS (
      INSERT INTO users (id, email, email_lower, password_hash)
      SELECT id, id || '@example.com', id || '@example.com', 'none' FROM ids RETURNING id)
    INSERT INTO sessions (id, user_id) SELECT id, id FROM added`;
  await bench.query(databaseUrl, sql, [ids]);
  const settings = parseSettings({ ...environment, DATABASE_URL: databaseUrl });
  const codec = new RefreshTokenCodec(
    requireMasterSecret({ ...settings, databaseUrl, databaseDirectUrl: databaseUrl }),
  );
  return ids.map((sessionId) => codec.encodeRefreshToken({ sessionId, counter: 0 }));
}

interface SessionOfLoad {
  readonly from: Readonly<Record<string, string>>;
  readonly token: string;
}

const REFRESH_TOKEN = /"refresh_token":"([\w-]+)"/;

/** Refreshes one session after the other; each answer holds the token of the session's next turn. */
export class RefreshLoad implements RequestSource {
  readonly url: URL;
  readonly status = 200;
  readonly #sessions: SessionOfLoad[];
  /** Sessions before this place have been sent, those that were answered come at the end. */
  #next = 0;
  readonly #answered: string[] = [];

  constructor(url: string, tokens: readonly string[]) {
    this.url = new URL('/v1/auth/refresh', url);
    this.#sessions = tokens.map((token, number) => ({ token, from: forwardedFor(number) }));
  }

  nextRequest(): Buffer {
    if (this.#next === this.#sessions.length) this.#startNextTurn();
    const { token, from } = this.#sessions[this.#next++] as SessionOfLoad;
    const { method, path, headers, body = '' } = refresh(token);
    const lines = Object.entries({ host: this.url.host, ...headers, ...from, 'content-length': String(body.length) });
    return Buffer.from(
      `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
    );
  }

  receive(body: string): void {
    const [, token] = REFRESH_TOKEN.exec(body) ?? [];
    if (token === undefined) throw new Error(`answered without a refresh token: ${body}`);
    this.#answered.push(token);
  }

  #startNextTurn(): void {
    const tokens = this.#answered.splice(0);
    this.#next = 0;
    this.#sessions.length = 0;
    for (const [number, token] of tokens.entries()) this.#sessions.push({ token, from: forwardedFor(number) });
  }
}
