import type { Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import { createApp } from '../src/app.js';
import type { Config } from '../src/config/config.js';
import { parseSettings } from '../src/config/read-settings.js';

export const PASSWORD = 'a long enough passphrase';
const MASTER_SECRET = 'kX3v0q9ZsM1tB7yR5uW2eA8nC4hJ6gLd';
/** Cheap on purpose; the floor is held where the environment is read. */
const CHEAP_HASH = { argon2MemoryKib: 8, argon2Passes: 1, argon2Lanes: 1 };

/** A copy of the migrated template, dropped when the test (or the file, called outside of one) is over. */
export async function createDatabase(
  onFinished: (clean: () => Promise<void>) => void = onTestFinished,
): Promise<string> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await administer(`CREATE DATABASE ${name} TEMPLATE ${inject('templateDatabase')}`);
  onFinished(() => administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  const url = new URL(inject('databaseServerUrl'));
  url.pathname = `/${name}`;
  return url.href;
}

/** A database without a schema. */
export async function emptyDatabase(): Promise<string> {
  const url = await createDatabase();
  await run(url, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  return url;
}

export function testConfig(databaseUrl: string, changes: Partial<Config> = {}): Config {
  const settings = parseSettings({ DATABASE_URL: databaseUrl, MASTER_SECRET, LOG_LEVEL: 'silent', DOCS: 'on' });
  const provided = { databaseUrl, databaseDirectUrl: databaseUrl, masterSecret: [MASTER_SECRET] };
  return { ...settings, ...provided, ...CHEAP_HASH, ...changes };
}

/** The whole application, listening on a free port, on a database of its own unless one is given. */
export async function startApp(
  options: { changes?: Partial<Config>; features?: readonly Type[]; databaseUrl?: string } = {},
  onFinished: (clean: () => Promise<void>) => void = onTestFinished,
): Promise<TestApp> {
  const databaseUrl = options.databaseUrl ?? (await createDatabase(onFinished));
  const app = await createApp(testConfig(databaseUrl, options.changes), options.features);
  onFinished(() => app.close());
  await app.listen(0, '127.0.0.1');
  return new TestApp(app, await app.getUrl(), databaseUrl);
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // The tests assert on members; what is missing is undefined.
  readonly body: Record<string, unknown>;
}

export class TestApp {
  constructor(
    readonly nest: NestFastifyApplication,
    readonly url: string,
    readonly databaseUrl: string,
  ) {}

  async call(
    method: string,
    path: string,
    options: { token?: string; json?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const { token, json, headers = {} } = options;
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
    const text = await response.text();
    const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, body };
  }

  register(email: string, password = PASSWORD): Promise<Answer> {
    return this.call('POST', '/v1/auth/register', { json: { email, password } });
  }

  login(email: string, password = PASSWORD): Promise<Answer> {
    return this.call('POST', '/v1/auth/login', { json: { email, password } });
  }

  /** A new user with a live access token. */
  async signIn(): Promise<{ email: string; token: string }> {
    const email = `${randomUUID()}@example.com`;
    await this.register(email);
    const { body } = await this.login(email);
    return { email, token: String(body['access_token']) };
  }

  async query<Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.databaseUrl });
    await client.connect();
    try {
      return (await client.query<Row>(sql, values)).rows;
    } finally {
      await client.end();
    }
  }
}

function administer(sql: string): Promise<void> {
  return run(inject('databaseServerUrl'), sql);
}

async function run(connectionString: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
