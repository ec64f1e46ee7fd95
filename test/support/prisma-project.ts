import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { parseSettings } from '../../dist/config/read-settings.js';
import { provideDatabase } from '../../dist/database/provide-database.js';
import { emptyDatabase, query } from './app.js';
import { newFolder } from './npm.js';

export interface CommandResult {
  readonly code: number | null;
  readonly output: string;
}

/** A project that has this checkout as its package, and tables of its own beside those of Gatehouse. */
export class PrismaProject {
  readonly folder = newFolder('project');

  /**
   * @param gatehouse the schema of Gatehouse
   * @param packageFolder the package of the project, in place of this checkout
   */
  constructor(
    readonly environment: Readonly<Record<string, string>>,
    private readonly gatehouse: string,
    private readonly packageFolder = '.',
  ) {
    mkdirSync(join(this.folder, 'node_modules'));
    mkdirSync(join(this.folder, 'prisma'));
    for (const name of readdirSync('node_modules')) {
      symlinkSync(resolve('node_modules', name), join(this.folder, 'node_modules', name));
    }
    symlinkSync(resolve(packageFolder), join(this.folder, 'node_modules/gatehouse-auth'));
    writeFileSync(join(this.folder, 'package.json'), '{ "private": true, "type": "module" }\n');
    this.configure();
    this.writeSchema('text String');
  }

  /** @param options those of `prismaConfig`, as written there */
  configure(options = ''): void {
    const text = `import { prismaConfig } from 'gatehouse-auth/prisma';\n\nexport default await prismaConfig(${options});\n`;
    writeFileSync(join(this.folder, 'prisma.config.ts'), text);
  }

  /** Writes the Prisma schema, with these fields of a note. */
  writeSchema(...fields: readonly string[]): void {
    const text = `
datasource db {
  provider = "postgresql"
  schemas  = ["app", "${this.gatehouse}"]
}
generator client {
  provider = "prisma-client"
  output   = "../src/generated"
  importFileExtension = "ts"
}
model Note {
  id     String @id @default(uuid(7)) @db.Uuid
  userId String @map("user_id") @db.Uuid
  user   User   @relation(fields: [userId], references: [id], onDelete: Cascade)
  ${fields.join('\n  ')}
  @@map("notes")
  @@schema("app")
}
model User {
  id    String @id @db.Uuid
  notes Note[]
  @@map("users")
  @@schema("${this.gatehouse}")
}
`;
    writeFileSync(join(this.folder, 'prisma/schema.prisma'), text);
  }

  /** @param ofUser the field of a user that belongs to the model */
  addModel(model: string, ofUser: string): void {
    const file = join(this.folder, 'prisma/schema.prisma');
    const text = readFileSync(file, 'utf8').replace('notes Note[]', `notes Note[]\n  ${ofUser}`);
    writeFileSync(file, `${text}${model}`);
  }

  /** Another database with the same project. */
  on(environment: Readonly<Record<string, string>>): PrismaProject {
    const other = new PrismaProject(environment, this.gatehouse);
    cpSync(join(this.folder, 'prisma'), join(other.folder, 'prisma'), { recursive: true });
    return other;
  }

  /** The SQL of the migration with this name. */
  migration(name: string): string {
    const folder = this.migrations().find((each) => each.endsWith(`_${name}`));
    return readFileSync(join(this.folder, 'prisma/migrations', folder ?? name, 'migration.sql'), 'utf8');
  }

  migrations(): string[] {
    return readdirSync(join(this.folder, 'prisma/migrations')).filter((name) => /^\d/.test(name));
  }

  /** Runs `npx prisma`; the host of engine downloads is unreachable. */
  prisma(...args: readonly string[]): Promise<CommandResult> {
    return this.start('node_modules/.bin/prisma', ...args).ended;
  }

  gatehouseCommand(...args: readonly string[]): Promise<CommandResult> {
    return this.start(process.execPath, resolve(this.packageFolder, 'dist/cli/gatehouse.js'), ...args).ended;
  }

  start(
    program: string,
    ...args: readonly string[]
  ): { ended: Promise<CommandResult>; signalGroup(signal?: NodeJS.Signals): void } {
    const { DATABASE_URL: _, ...inherited } = process.env;
    const env = { ...inherited, PRISMA_ENGINES_MIRROR: 'http://127.0.0.1:1', ...this.environment };
    const child = spawn(program, args, { cwd: this.folder, detached: true, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    }
    const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, output }));
    const signalGroup = (signal: NodeJS.Signals = 'SIGINT'): void => {
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
        process.kill(-child.pid, signal);
    };
    onTestFinished(async () => {
      signalGroup();
      await ended;
    });
    return { ended, signalGroup };
  }

  /** Runs a statement on the database; names need their schema. */
  async query<Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> {
    const database = await provideDatabase(parseSettings(this.environment, 'migrate'), 'script');
    try {
      return await query<Row>(database.config.databaseDirectUrl, sql, values);
    } finally {
      await database.stop();
    }
  }

  /** Everything that the schema of Gatehouse consists of, and its history. */
  async describeGatehouse(): Promise<object[]> {
    const history = await this.query(`SELECT * FROM "${this.gatehouse}"._prisma_migrations ORDER BY migration_name`);
    const objects = await this.query(
      `SELECT table_name || '.' || column_name AS name, data_type || ' ' || is_nullable || coalesce(column_default, '') AS what
         FROM information_schema.columns WHERE table_schema = $1
       UNION ALL SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = $1::text::regnamespace
       UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = $1
       UNION ALL SELECT typname, enumlabel FROM pg_type JOIN pg_enum ON enumtypid = pg_type.oid WHERE typnamespace = $1::text::regnamespace
       UNION ALL SELECT proname, prosrc FROM pg_proc WHERE pronamespace = $1::text::regnamespace
       ORDER BY 1, 2`,
      [this.gatehouse],
    );
    return [...objects, ...history];
  }
}

export const SLOW = { timeout: 600_000 };
export const UNREACHABLE = { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none', DATABASE_SCHEMA: 'gatehouse' };
export const GATEHOUSE = { DATABASE_SCHEMA: 'gatehouse' };

/** With the tables of Gatehouse in the schema that a new project gives them. */
export async function projectOnUrl(): Promise<PrismaProject> {
  const project = new PrismaProject({ DATABASE_URL: await emptyDatabase(), ...GATEHOUSE }, 'gatehouse');
  expectSuccess(await project.gatehouseCommand('migrate'), 'Applied');
  return project;
}

export function expectSuccess({ code, output }: CommandResult, text: string): void {
  expect(output).toContain(text);
  expect(code, output).toBe(0);
}

export function expectFailure({ code, output }: CommandResult, text: string): void {
  expect(output).toContain(text);
  expect(code, output).toBe(1);
}

export async function addUserWithNote(project: PrismaProject, schema = 'gatehouse'): Promise<void> {
  const id = randomUUID();
  await project.query(
    `INSERT INTO "${schema}".users (id, email, email_lower, password_hash) VALUES ($1::uuid, $1::text, $1::text, 'x')`,
    [id],
  );
  await project.query('INSERT INTO app.notes (id, user_id, text) VALUES ($1::uuid, $1::uuid, $2)', [id, 'a note']);
}

/** Migrations of a project have a history and foreign keys of their own, and leave the schema of Gatehouse alone. */
export async function expectOwnHistory(
  schema: string,
  environment: () => Promise<Readonly<Record<string, string>>>,
): Promise<void> {
  const project = new PrismaProject(await environment(), schema);
  expectSuccess(await project.prisma('migrate', 'dev', '--name', 'notes'), 'now in sync with your schema');
  expect(project.migration('notes')).toContain(`FOREIGN KEY ("user_id") REFERENCES "${schema}"."users"("id")`);
  expect(project.migration('notes').match(/^(?:CREATE|ALTER|DROP) .*/gm)).toEqual([
    'CREATE TABLE "notes" (',
    expect.stringMatching(/^ALTER TABLE "notes" ADD CONSTRAINT/) as string,
  ]);
  await addUserWithNote(project, schema);
  const before = await project.describeGatehouse();
  expect(before.length).toBeGreaterThan(50);

  project.writeSchema('text String', 'title String?');
  expectSuccess(await project.prisma('migrate', 'dev', '--name', 'title'), 'now in sync with your schema');
  expect(project.migration('title').trim()).toMatch(/^-- AlterTable\nALTER TABLE "notes" ADD COLUMN +"title" TEXT;$/);
  expectSuccess(await project.prisma('migrate', 'status'), 'Database schema is up to date');
  expect(await project.query('SELECT migration_name AS name FROM app._prisma_migrations ORDER BY 1')).toEqual(
    project.migrations().map((name) => ({ name })),
  );
  expect(await project.query('SELECT text, title FROM app.notes')).toEqual([{ text: 'a note', title: null }]);
  expect(await project.describeGatehouse()).toEqual(before);

  const second = project.on(await environment());
  expectSuccess(await second.prisma('migrate', 'deploy'), 'All migrations have been successfully applied');
  expect(await second.query('SELECT title FROM app.notes')).toEqual([]);
}
