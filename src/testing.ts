// First: an older Node is told so.
import './cli/supported-node.js';
import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Type } from '@nestjs/common';
import { AccountAdministrationService } from './account/account-administration.service.js';
import type { ApplicationOptions } from './app.js';
import { createConfiguredApp, type Application } from './application.js';
import type { Config } from './config/config.js';
import { readEnvironment } from './config/read-settings.js';
import { applyMigrationFiles } from './database/apply-migration-files.js';
import { createDatabase, dropDatabase } from './database/create-database.js';
import { Database } from './database/database.js';
import { CHEAP_HASH, PASSWORD, sendRequest, type TestRequest, type TestResponse } from './testing-requests.js';

export type { TestRequest, TestResponse };

export interface TestAppOptions extends ApplicationOptions {
  /** Settings by their names. Those of the environment and of `.env` are not read. */
  readonly settings?: Readonly<Record<string, string>>;
  /**
   * The folder with the migrations of your tables, `prisma/migrations`. They are applied before your modules start, and the tables of
   * Gatehouse are in the schema `gatehouse` unless `settings` says otherwise.
   */
  readonly migrations?: string;
  /** The schema of these tables, as `prismaConfig` has it. */
  readonly databaseSchema?: string;
}

/** A registered user with a session. */
export interface TestUser {
  readonly userId: string;
  readonly email: string;
  readonly password: string;
  /** The access token. */
  readonly token: string;
  readonly refreshToken: string;
}

/** The whole application, listening on a free port. */
export class TestApp {
  constructor(
    readonly url: string,
    readonly app: Application,
    private readonly lines: readonly string[],
    private readonly removeDatabase: () => Promise<void>,
  ) {}

  /** A provider of the application, by its class. */
  get<Provider>(provider: Type<Provider>): Provider {
    return this.app.nest.get(provider, { strict: false });
  }

  /** The rows of a statement on its database. */
  query<Row extends object>(sql: TemplateStringsArray, ...values: readonly unknown[]): Promise<Row[]> {
    return this.get(Database).query<Row>(sql, ...values);
  }

  /** Sends a request with an access token, a JSON body, or both. */
  call(method: string, path: string, request: TestRequest = {}): Promise<TestResponse> {
    return sendRequest(`${this.url}${path}`, method, request);
  }

  /** Registers a user, by default with an address of its own and an empty profile, and logs it in. */
  async signIn(email = `${randomUUID()}@example.com`, password = PASSWORD, profile?: object): Promise<TestUser> {
    await this.#require('/v1/auth/register', { email, password, profile });
    return this.logIn({ email, password });
  }

  /** Logs a user in once more, for instance for a token with new roles. */
  async logIn({ email, password }: { readonly email: string; readonly password: string }): Promise<TestUser> {
    const tokens = await this.#require('/v1/auth/login', { email, password });
    const [token, refreshToken] = [String(tokens['access_token']), String(tokens['refresh_token'])];
    const { body } = await this.call('GET', '/v1/auth/me', { token });
    return { userId: String(body['userId']), email, password, token, refreshToken };
  }

  /** Marks the address of a user as verified. Tokens from before are stale: log in once more. */
  async verifyEmail({ email }: { readonly email: string }): Promise<void> {
    await this.get(AccountAdministrationService).verifyEmail(email);
  }

  /** The lines of the log so far. */
  log(): Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Ends the application and removes its database. */
  async close(): Promise<void> {
    try {
      await this.app.close();
    } finally {
      await this.removeDatabase();
    }
  }

  async #require(path: string, json: object): Promise<Record<string, unknown>> {
    const { status, body } = await this.call('POST', path, { json });
    if (status < 400) return body;
    const cause = status < 500 ? undefined : this.log().findLast(({ err }) => err !== undefined)?.['err'];
    throw new Error(`POST ${path} answered ${status} ${JSON.stringify(body)}`, { cause });
  }
}

/**
 * Starts the whole application with a PostgreSQL of its own: a new server in a temporary folder, or a new database on the server that
 * `TEST_DATABASE_URL` names, which is quicker. Hashes are cheap and the limits on guessing are off, unless `settings` says otherwise.
 */
export async function startTestApp({
  settings = {},
  migrations,
  databaseSchema = 'app',
  ...options
}: TestAppOptions = {}): Promise<TestApp> {
  const { databaseSettings, remove } = await newDatabase();
  const environment = {
    LOG_LEVEL: 'info',
    RATE_LIMITS: 'off',
    DOCS: 'on',
    PORT: '0',
    ...(migrations !== undefined && { DATABASE_SCHEMA: 'gatehouse' }),
    ...databaseSettings,
    ...settings,
  };
  const lines: string[] = [];
  const log = { write: (line: string) => void lines.push(line) };
  const onMigrated = async (config: Config): Promise<void> => {
    if (migrations !== undefined) await applyMigrationFiles(resolve(migrations), databaseSchema, config);
  };
  try {
    const app = await createConfiguredApp(options, environment, { adjust: CHEAP_HASH, log, onMigrated });
    try {
      return new TestApp(await app.listen(0, '127.0.0.1'), app, lines, remove);
    } catch (error) {
      await app.close();
      throw error;
    }
  } catch (error) {
    await remove();
    throw error;
  }
}

interface NewDatabase {
  readonly databaseSettings: Readonly<Record<string, string>>;
  readonly remove: () => Promise<void>;
}

async function newDatabase(): Promise<NewDatabase> {
  const server = readEnvironment()['TEST_DATABASE_URL'];
  if (server === undefined) {
    const folder = await mkdtemp(join(tmpdir(), 'gatehouse-test-'));
    // As root, the server has a system user of its own.
    await chmod(folder, 0o711);
    const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
    return { databaseSettings: { DATA_DIR: join(folder, 'data') }, remove };
  }
  const url = new URL(server);
  const name = `gatehouse_test_${randomUUID().replaceAll('-', '')}`;
  url.pathname = `/${name}`;
  await createDatabase(url.href);
  const secrets = { MASTER_SECRET: randomBytes(32).toString('base64url'), MIGRATE_ON_START: 'on' };
  return { databaseSettings: { DATABASE_URL: url.href, ...secrets }, remove: () => dropDatabase(server, name) };
}
