import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { parseSettings } from '../../dist/config/read-settings.js';
import { provideDatabase } from '../../dist/database/provide-database.js';
import { emptyDatabase, query } from '../support/app.js';
import { newFolder } from '../support/npm.js';
import {
  addUserWithNote,
  expectFailure,
  expectOwnHistory,
  expectSuccess,
  GATEHOUSE,
  PrismaProject,
  projectOnUrl,
  SLOW,
  UNREACHABLE,
} from '../support/prisma-project.js';

const newDataDir = (): string => {
  const folder = newFolder('data');
  return join(folder, 'data');
};

const SLOW_MIGRATION = '29990101000000_slow';

/** A copy of this package with one more migration. */
function packageWithSlowMigration(): string {
  const folder = newFolder('package');
  for (const name of ['dist', 'prisma', 'package.json']) cpSync(name, join(folder, name), { recursive: true });
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  mkdirSync(join(folder, 'prisma/migrations', SLOW_MIGRATION));
  writeFileSync(join(folder, 'prisma/migrations', SLOW_MIGRATION, 'migration.sql'), 'SELECT pg_sleep(8);');
  return folder;
}

describe('tables of a project beside those of Gatehouse', () => {
  it('have a history and foreign keys of their own on the embedded database, too', SLOW, async () => {
    await expectOwnHistory('gatehouse', async () => ({ DATA_DIR: newDataDir(), ...GATEHOUSE }));
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

  it.each([
    ['the embedded database', 'SIGHUP'],
    ['a DATABASE_URL', 'SIGTERM'],
  ] as const)(
    'follow those of Gatehouse, whose migration is not cut off, on %s, by %s',
    SLOW,
    async (which, signal) => {
      const url = which === 'a DATABASE_URL' ? await emptyDatabase() : undefined;
      const database = url === undefined ? { DATA_DIR: newDataDir() } : { DATABASE_URL: url, MIGRATE_ON_START: 'on' };
      const project = new PrismaProject({ ...database, ...GATEHOUSE }, 'gatehouse', packageWithSlowMigration());
      const interrupted = project.start('node_modules/.bin/prisma', 'migrate', 'status');
      const rows =
        'SELECT finished_at IS NOT NULL AS finished FROM gatehouse._prisma_migrations WHERE migration_name = $1';
      const isFinished = (): Promise<object[]> => project.query(rows, [SLOW_MIGRATION]).catch(() => []);
      await vi.waitFor(async () => expect(await isFinished()).toEqual([{ finished: false }]), { timeout: 60_000 });
      interrupted.signalGroup(signal);
      expect((await interrupted.ended).code).not.toBe(0);
      await vi.waitFor(async () => expect(await isFinished()).toEqual([{ finished: true }]), { timeout: 60_000 });
      expectSuccess(await project.gatehouseCommand('migrate'), 'Nothing to migrate');
    },
  );

  it('may be the table of changes that the documents print as a model', SLOW, async () => {
    const text = readFileSync('docs/building-on-it.md', 'utf8');
    const [, model = ''] = /```prisma\n(model Change \{[^]+?\n\}\n)```/.exec(text) ?? [];
    const [, table = ''] = /```sql\n(CREATE TABLE app\.changes [^]+?)```/.exec(text) ?? [];
    const project = await projectOnUrl();
    project.addModel(model, 'changes Change[]');
    expectSuccess(await project.prisma('migrate', 'dev', '--name', 'changes'), 'now in sync');
    const columns = (): Promise<object[]> =>
      project.query(
        `SELECT column_name, data_type, is_nullable, CASE column_name WHEN 'id' THEN '' ELSE column_default END AS default
           FROM information_schema.columns WHERE table_schema = 'app' AND table_name = 'changes'
         UNION ALL SELECT '', pg_get_constraintdef(oid), '', '' FROM pg_constraint
           WHERE conrelid = 'app.changes'::regclass AND contype = 'f'
         UNION ALL SELECT '', regexp_replace(indexdef, '.* USING ', ''), '', '' FROM pg_indexes
           WHERE schemaname = 'app' AND tablename = 'changes'
         ORDER BY 1, 2`,
      );
    const ofModel = await columns();
    expectSuccess(await project.prisma('migrate', 'dev'), 'Already in sync');
    await project.query('DROP TABLE app.changes');
    for (const statement of table.trim().split(';\n')) await project.query(statement);
    expect(ofModel.map((row) => JSON.stringify(row).replace(' ON UPDATE CASCADE', ''))).toEqual(
      (await columns()).map((row) => JSON.stringify(row)),
    );
  });

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
});
