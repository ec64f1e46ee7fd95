import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { parseSettings } from '../../dist/config/read-settings.js';
import { provideDatabase } from '../../dist/database/provide-database.js';
import { query } from '../support/app.js';
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
