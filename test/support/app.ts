import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { randomUUID, sign } from 'node:crypto';
import pg from 'pg';
import { afterAll, inject, onTestFinished } from 'vitest';
import { createApp, type ApplicationOptions } from '../../src/app.js';
import type { Config } from '../../src/config/config.js';
import { parseSettings } from '../../src/config/read-settings.js';
import { dropDatabase } from '../../src/database/create-database.js';
import { CHEAP_HASH } from '../../src/testing-requests.js';
import { KeyRing } from '../../src/tokens/key-ring.js';
import { claimsOf, Client } from './client.js';
import { MASTER_SECRET } from './processes.js';
import { expectNoSecret, registerSecret } from './secret-detection.js';

export { PASSWORD, type Answer } from './client.js';

/**
 * Creates a copy of the migrated template; it is dropped at the end of the test (or of the file,
 * if called outside of a test).
 */
export async function createDatabase(
  onFinished: (clean: () => Promise<void>) => void = onTestFinished,
): Promise<string> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await administer(`CREATE DATABASE ${name} TEMPLATE ${inject('templateDatabase')}`);
  onFinished(() => dropDatabase(inject('databaseServerUrl'), name));
  const url = new URL(inject('databaseServerUrl'));
  url.pathname = `/${name}`;
  return url.href;
}

/** Creates a database with an empty schema. */
export async function emptyDatabase(): Promise<string> {
  const url = await createDatabase();
  await query(url, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  return url;
}

export function testConfig(databaseUrl: string, changes: Partial<Config> = {}): Config {
  const settings = parseSettings({
    DATABASE_URL: databaseUrl,
    MASTER_SECRET,
    LOG_LEVEL: 'trace',
    DOCS: 'on',
    RATE_LIMITS: 'off',
  });
  const provided = { databaseUrl, databaseDirectUrl: databaseUrl, masterSecret: [MASTER_SECRET] };
  return { ...settings, ...provided, ...CHEAP_HASH, ...changes };
}

/** Returns a function that registers clean-ups for the end of the calling file or suite; they run in reverse order. */
export function afterAllTests(): (clean: () => Promise<void>) => void {
  const cleaners: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const clean of cleaners.toReversed()) await clean();
  });
  return (clean) => void cleaners.push(clean);
}

/** Starts the whole application on a free port, with a new database unless one is given. */
export async function startApp(
  options: ApplicationOptions & { changes?: Partial<Config>; databaseUrl?: string } = {},
  onFinished: (clean: () => Promise<void>) => void = onTestFinished,
): Promise<TestApp> {
  const databaseUrl = options.databaseUrl ?? (await createDatabase(onFinished));
  registerSecret(MASTER_SECRET);
  registerSecret(new URL(databaseUrl).password);
  const lines: string[] = [];
  const log = { write: (line: string) => void lines.push(line) };
  const app = await createApp(testConfig(databaseUrl, options.changes), options, { log });
  onFinished(async () => {
    await app.close();
    expectNoSecret(lines.join(''));
  });
  await app.listen(0, '127.0.0.1');
  return new TestApp(app, await app.getUrl(), databaseUrl, lines);
}

/** A {@link Client} of an application in this process, with access to its database and log. */
export class TestApp extends Client {
  constructor(
    readonly nest: NestFastifyApplication,
    url: string,
    readonly databaseUrl: string,
    private readonly lines: readonly string[],
  ) {
    super(url);
  }

  /** The log lines so far. */
  log(): Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** A new user's token with changed claims, signed by the active key. */
  async signTokenWith(changes: object): Promise<string> {
    const { token } = await this.signIn();
    const { kid, alg, privateKey } = this.nest.get(KeyRing, { strict: false }).signingKey;
    const input = [
      { typ: 'at+jwt', alg, kid },
      { ...claimsOf(token), ...changes },
    ]
      .map(encoded)
      .join('.');
    const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    return `${input}.${signature.toString('base64url')}`;
  }

  query<Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return query<Row>(this.databaseUrl, sql, values);
  }
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

/** Runs one statement on a new connection. */
export async function query<Row extends pg.QueryResultRow>(
  connectionString: string,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

async function administer(sql: string): Promise<void> {
  await query(inject('databaseServerUrl'), sql);
}
