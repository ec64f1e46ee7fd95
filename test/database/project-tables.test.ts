import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { parseSettings } from '../../dist/config/read-settings.js';
import { provideDatabase } from '../../dist/database/provide-database.js';
import { createDatabase, emptyDatabase, query } from '../support/app.js';
import { newFolder } from '../support/npm.js';
import { processes } from '../support/process-list.js';
import { PrismaProject, type CommandResult } from '../support/prisma-project.js';

const SLOW = { timeout: 600_000 };
const UNREACHABLE = { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none', DATABASE_SCHEMA: 'gatehouse' };
const GATEHOUSE = { DATABASE_SCHEMA: 'gatehouse' };
const newDataDir = (): string => {
  const folder = newFolder('data');
  return join(folder, 'data');
};

/** With the tables of Gatehouse in the schema that a new project gives them. */
async function projectOnUrl(): Promise<PrismaProject> {
  const project = new PrismaProject({ DATABASE_URL: await emptyDatabase(), ...GATEHOUSE }, 'gatehouse');
  expectSuccess(await project.gatehouseCommand('migrate'), 'Applied');
  return project;
}

function expectSuccess({ code, output }: CommandResult, text: string): void {
  expect(output).toContain(text);
  expect(code, output).toBe(0);
}

function expectFailure({ code, output }: CommandResult, text: string): void {
  expect(output).toContain(text);
  expect(code, output).toBe(1);
}

async function addUserWithNote(project: PrismaProject, schema = 'gatehouse'): Promise<void> {
  const id = randomUUID();
  await project.query(
    `INSERT INTO "${schema}".users (id, email, email_lower, password_hash) VALUES ($1::uuid, $1::text, $1::text, 'x')`,
    [id],
  );
  await project.query('INSERT INTO app.notes (id, user_id, text) VALUES ($1::uuid, $1::uuid, $2)', [id, 'a note']);
}

describe('tables of a project beside those of Gatehouse', () => {
  it.each([
    ['the embedded database', 'gatehouse', async () => ({ DATA_DIR: newDataDir(), ...GATEHOUSE })],
    ['a DATABASE_URL', 'public', async () => ({ DATABASE_URL: await createDatabase() })],
  ] as const)(
    'have a history and foreign keys of their own, and leave the others alone, on %s',
    SLOW,
    async (_, schema, environment) => {
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
      expect(project.migration('title').trim()).toMatch(
        /^-- AlterTable\nALTER TABLE "notes" ADD COLUMN +"title" TEXT;$/,
      );
      expectSuccess(await project.prisma('migrate', 'status'), 'Database schema is up to date');
      expect(await project.query('SELECT migration_name AS name FROM app._prisma_migrations ORDER BY 1')).toEqual(
        project.migrations().map((name) => ({ name })),
      );
      expect(await project.query('SELECT text, title FROM app.notes')).toEqual([{ text: 'a note', title: null }]);
      expect(await project.describeGatehouse()).toEqual(before);

      const second = project.on(await environment());
      expectSuccess(await second.prisma('migrate', 'deploy'), 'All migrations have been successfully applied');
      expect(await second.query('SELECT title FROM app.notes')).toEqual([]);
    },
  );

  it('on a DATABASE_URL follow those of Gatehouse: the command is said that migrates it', SLOW, async () => {
    const url = await emptyDatabase();
    const project = new PrismaProject({ DATABASE_URL: url, ...GATEHOUSE }, 'gatehouse');
    const refused = await project.prisma('migrate', 'dev', '--name', 'notes');
    expectFailure(refused, 'The schema of DATABASE_URL is behind this version: run `npm run db:migrate`');
    expect(await query(url, "SELECT FROM pg_tables WHERE schemaname IN ('app', 'gatehouse')")).toEqual([]);
    const migrating = project.on({ ...project.environment, MIGRATE_ON_START: 'on' });
    expectSuccess(await migrating.prisma('migrate', 'dev', '--name', 'notes'), 'now in sync with your schema');
  });

  it('that have drifted are found, and their reset spares the users', SLOW, async () => {
    const project = await projectOnUrl();
    expectSuccess(await project.prisma('migrate', 'dev', '--name', 'notes'), 'now in sync');
    await addUserWithNote(project);
    const before = await project.describeGatehouse();
    await project.query('ALTER TABLE app.notes ADD COLUMN drifted text');
    const found = await project.prisma('migrate', 'dev', '--name', 'more');
    expect(found.output).toMatch(/Drift detected[^]*Changed the `notes` table[^]*Added column `drifted`/);
    expect(found.output).not.toMatch(/`(?:users|sessions|devices)` table/);
    expect(found.code).not.toBe(0);
    expect(await project.query('SELECT drifted FROM app.notes')).toHaveLength(1);
    for (const reset of [
      ['migrate', 'reset', '--force'],
      ['db', 'push', '--force-reset'],
    ]) {
      expectSuccess(await project.prisma(...reset), 'reset');
      expect(await project.query('SELECT * FROM app.notes')).toEqual([]);
      expect(await project.query('SELECT email FROM gatehouse.users')).toHaveLength(1);
      expect(await project.describeGatehouse()).toEqual(before);
    }
  });

  it('whose migration fails stay as they are, are reported, and can be resolved', SLOW, async () => {
    const project = await projectOnUrl();
    expectSuccess(await project.prisma('migrate', 'dev', '--name', 'notes'), 'now in sync');
    const before = await project.describeGatehouse();
    const name = '29990101000000_failing';
    const folder = join(project.folder, 'prisma/migrations', name);
    mkdirSync(folder);
    const statements = ['ALTER TABLE notes ADD COLUMN half text;', 'ALTER TABLE nothing ADD COLUMN other text;'];
    writeFileSync(join(folder, 'migration.sql'), statements.join('\n'));
    expectFailure(await project.prisma('migrate', 'deploy'), name);
    expectFailure(await project.prisma('migrate', 'status'), 'failed');
    expectFailure(await project.prisma('migrate', 'deploy'), 'P3009');
    expect(await project.describeGatehouse()).toEqual(before);
    expectSuccess(await project.gatehouseCommand('migrate'), 'Nothing to migrate');
    expectSuccess(await project.prisma('migrate', 'resolve', '--rolled-back', name), 'rolled back');
    writeFileSync(join(folder, 'migration.sql'), statements[0] ?? '');
    expectSuccess(await project.prisma('migrate', 'deploy'), 'successfully applied');
  });

  it.each(['the embedded database', 'a DATABASE_URL'])(
    'are left whole by Ctrl-C, with no server and no scratch database behind, on %s',
    SLOW,
    async (which) => {
      const dataDir = newDataDir();
      const embedded = new PrismaProject({ DATA_DIR: dataDir, ...GATEHOUSE }, 'gatehouse');
      expectSuccess(await embedded.prisma('migrate', 'dev', '--name', 'notes'), 'now in sync');
      const postmaster = join(dataDir, 'postgres/postmaster.pid');
      const isDown = (): Promise<void> =>
        vi.waitFor(() => expect(existsSync(postmaster)).toBe(false), { timeout: 60_000, interval: 100 });
      await isDown();
      const server = await provideDatabase(parseSettings(embedded.environment, 'migrate'), 'script');
      const { databaseUrl: url } = server.config;
      const isEmbedded = which === 'the embedded database';
      if (isEmbedded) await server.stop();
      const project = isEmbedded ? embedded : embedded.on({ DATABASE_URL: url });
      project.writeSchema('text String', 'title String?');
      const interrupted = project.start('node_modules/.bin/prisma', 'migrate', 'dev', '--name', 'title');
      const scratchDatabases = (): Promise<object[]> =>
        query(url, `SELECT datname FROM pg_database WHERE datname LIKE 'gatehouse_scratch_%'`);
      await vi.waitFor(async () => expect(await scratchDatabases()).toHaveLength(1), { timeout: 60_000, interval: 10 });
      interrupted.signalGroup();
      expect((await interrupted.ended).code).not.toBe(0);
      if (isEmbedded) await isDown();
      else await vi.waitFor(async () => expect(await scratchDatabases()).toEqual([]), { timeout: 60_000 });
      expect(await project.query('SELECT FROM pg_database WHERE datname LIKE $1', ['gatehouse_scratch_%'])).toEqual([]);
      if (!isEmbedded) await server.stop();
      expectSuccess(await embedded.on(embedded.environment).prisma('migrate', 'deploy'), 'No pending migrations');
    },
  );

  it('have a client, which is generated without an engine and the database', SLOW, async () => {
    const project = await projectOnUrl();
    expectSuccess(await project.on(UNREACHABLE).prisma('generate'), 'Generated Prisma Client');
    expectSuccess(await project.prisma('migrate', 'dev', '--name', 'notes'), 'now in sync');
    await addUserWithNote(project);
    expectSuccess(await project.prisma('generate'), 'Generated Prisma Client');
    const program = `
      import { PrismaPg } from '@prisma/adapter-pg';
      import { PrismaClient } from './src/generated/client.ts';
      const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) });
      const [note] = await prisma.note.findMany({ include: { user: true } });
      console.log(note.text, note.user.id === note.userId);
      await prisma.$disconnect();`;
    writeFileSync(join(project.folder, 'client.mjs'), program);
    expectSuccess(await project.start(process.execPath, 'client.mjs').ended, 'a note true');
  });

  it('are not touched where the database does not answer: the reason is said', SLOW, async () => {
    const project = new PrismaProject(UNREACHABLE, 'gatehouse');
    expectFailure(
      await project.prisma('migrate', 'deploy'),
      'The database of DATABASE_URL at 127.0.0.1:1 did not answer',
    );
  });

  it.runIf(process.platform === 'linux')(
    'are migrated with the password in no command line (FLT-27)',
    SLOW,
    async () => {
      const project = await projectOnUrl();
      const { password } = new URL(project.environment['DATABASE_URL'] ?? '');
      const seen = new Set<string>();
      const watching = setInterval(() => processes().forEach(({ command }) => seen.add(command)), 50);
      expectSuccess(await project.prisma('migrate', 'dev', '--name', 'notes'), 'now in sync');
      clearInterval(watching);
      expect([...seen].some((command) => command.includes('prisma-cli-engine.process.js'))).toBe(true);
      expect([...seen].filter((command) => command.includes(password))).toEqual([]);
    },
  );

  it('are refused in the schema of Gatehouse', SLOW, async () => {
    const project = await projectOnUrl();
    project.configure("{ databaseSchema: 'gatehouse' }");
    expectFailure(await project.prisma('migrate', 'status'), 'are in the schema "gatehouse" already');
  });
});
