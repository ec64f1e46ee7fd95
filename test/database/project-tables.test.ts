import { describe, expect, it } from 'vitest';
import { createDatabase, emptyDatabase, query } from '../support/app.js';
import { processes } from '../support/process-list.js';
import {
  expectFailure,
  expectOwnHistory,
  expectSuccess,
  GATEHOUSE,
  PrismaProject,
  projectOnUrl,
  SLOW,
  UNREACHABLE,
} from '../support/prisma-project.js';

describe('tables of a project beside those of Gatehouse', () => {
  it('have a history and foreign keys of their own, and leave the others alone, on a DATABASE_URL', SLOW, async () => {
    await expectOwnHistory('public', async () => ({ DATABASE_URL: await createDatabase() }));
  });

  it('on a DATABASE_URL follow those of Gatehouse: the command is said that migrates it', SLOW, async () => {
    const url = await emptyDatabase();
    const project = new PrismaProject({ DATABASE_URL: url, ...GATEHOUSE }, 'gatehouse');
    const refused = await project.prisma('migrate', 'dev', '--name', 'notes');
    expectFailure(refused, 'The schema of DATABASE_URL is behind this version: run `npm run db:migrate`');
    expect(await query(url, "SELECT FROM pg_tables WHERE schemaname IN ('app', 'gatehouse')")).toEqual([]);
    const migrating = project.on({ ...project.environment, MIGRATE_ON_START: 'on' });
    expectSuccess(await migrating.prisma('migrate', 'dev', '--name', 'notes'), 'now in sync with your schema');
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
