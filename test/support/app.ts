import type { Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { randomUUID, sign } from 'node:crypto';
import pg from 'pg';
import { afterAll, inject, onTestFinished } from 'vitest';
import { createApp } from '../../src/app.js';
import type { Config } from '../../src/config/config.js';
import { parseSettings } from '../../src/config/read-settings.js';
import { dropDatabase } from '../../src/database/schema-reset.js';
import { KeyRing } from '../../src/tokens/key-ring.js';
import { claimsOf, Client } from './client.js';
import { MASTER_SECRET } from './processes.js';
import { expectNoSecret, registerSecret } from './secret-detection.js';

export { PASSWORD, type Answer } from './client.js';
/** Cheap on purpose; the floor is held where the environment is read. Patient, so that a slow machine refuses nothing. */
const CHEAP_HASH = { argon2MemoryKib: 8, argon2Passes: 1, argon2Lanes: 1, hashQueueMilliseconds: 60_000 };

/** A copy of the migrated template, dropped when the test (or the file, called outside of one) is over. */
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

/** A database without a schema. */
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

/** For what is to last until the end of the file or suite that calls this: what is given is called then, the last first. */
export function afterAllTests(): (clean: () => Promise<void>) => void {
  const cleaners: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const clean of cleaners.toReversed()) await clean();
  });
  return (clean) => void cleaners.push(clean);
}

/** The whole application, listening on a free port, on a database of its own unless one is given. */
export async function startApp(
  options: { changes?: Partial<Config>; features?: readonly Type[]; databaseUrl?: string } = {},
  onFinished: (clean: () => Promise<void>) => void = onTestFinished,
): Promise<TestApp> {
  const databaseUrl = options.databaseUrl ?? (await createDatabase(onFinished));
  registerSecret(MASTER_SECRET);
  registerSecret(new URL(databaseUrl).password);
  const lines: string[] = [];
  const log = { write: (line: string) => void lines.push(line) };
  const app = await createApp(testConfig(databaseUrl, options.changes), options.features, log);
  onFinished(async () => {
    await app.close();
    expectNoSecret(lines.join(''));
  });
  await app.listen(0, '127.0.0.1');
  return new TestApp(app, await app.getUrl(), databaseUrl, lines);
}

/** A {@link Client} of an application in this process, and a view of its database. */
export class TestApp extends Client {
  constructor(
    readonly nest: NestFastifyApplication,
    url: string,
    readonly databaseUrl: string,
    private readonly lines: readonly string[],
  ) {
    super(url);
  }

  /** The lines of its log so far. */
  log(): Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** A new user's token with other claims in the place of its own, signed by the key that signs. */
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

/** Runs one statement on a connection of its own. */
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
