import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createDatabase, query } from '../support/app.js';
import { expectFailure, expectSuccess, GATEHOUSE, PrismaProject, SLOW } from '../support/prisma-project.js';

interface Reset {
  readonly url: string;
  /** `GATEHOUSE_PRISMA_SCHEMA`, by which the configuration says what the engine may drop. */
  readonly schema?: string;
  readonly externalTables?: readonly string[];
}

/** The schema engine as the Prisma CLI of a project starts it, without the time that the CLI takes. */
async function reset({ url, schema, externalTables }: Reset): Promise<string> {
  const folder = new PrismaProject({}, 'gatehouse').folder;
  const { GATEHOUSE_PRISMA_SCHEMA: _, ...inherited } = process.env;
  const env = { ...inherited, ...(schema === undefined ? {} : { GATEHOUSE_PRISMA_SCHEMA: schema }) };
  const args = ['--datasource', JSON.stringify({ url }), '--datamodels', join(folder, 'prisma/schema.prisma')];
  const engine = spawn(resolve('prisma/schema-engine'), args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const answer = once(engine.stdout, 'data') as Promise<[Buffer]>;
  const filter = externalTables === undefined ? {} : { filter: { externalTables, externalEnums: [] } };
  engine.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'reset', params: filter })}\n`);
  const [line] = await answer;
  engine.stdin.end();
  await text(engine.stdout);
  return line.toString();
}

/** A database with Gatehouse in one schema, a user, and a note in `app`. */
async function databaseWithNote(gatehouse = 'gatehouse'): Promise<URL> {
  const url = new URL(await createDatabase());
  if (gatehouse !== 'public') await query(url.href, `ALTER SCHEMA public RENAME TO "${gatehouse}"`);
  const users = `"${gatehouse}".users`;
  await query(
    url.href,
    `CREATE SCHEMA app; CREATE TABLE app.notes (user_id uuid REFERENCES ${users});
     INSERT INTO ${users} (id, email, email_lower, password_hash) VALUES (gen_random_uuid(), 'a@example.com', 'a@example.com', 'x');
     INSERT INTO app.notes SELECT id FROM ${users}`,
  );
  return url;
}

function withSchema(url: URL, schema: string): string {
  const changed = new URL(url);
  changed.searchParams.set('schema', schema);
  return changed.href;
}

describe('the Prisma CLI drops no user', () => {
  it('in a reset with a --url of the schema of Gatehouse', SLOW, async () => {
    const url = await databaseWithNote('public');
    const project = new PrismaProject({ DATABASE_URL: url.href }, 'public');
    const refused = await project.prisma('db', 'push', '--force-reset', '--url', url.href);
    expectFailure(refused, 'Nothing was changed: the URL of this command means the schema "public"');
    expectFailure(await project.prisma('migrate', 'dev', '--name', 'notes', '--url', url.href), 'Write schema=app');
    expect(await query(url.href, 'SELECT FROM app.notes')).toHaveLength(1);
    expectSuccess(await project.prisma('db', 'push', '--force-reset', '--url', withSchema(url, 'app')), 'reset');
    expect(await query(url.href, 'SELECT FROM app.notes')).toEqual([]);
    expect(await query(url.href, 'SELECT FROM users')).toHaveLength(1);
  });

  it('in a reset with a datasource of its own in the configuration', SLOW, async () => {
    const url = await databaseWithNote();
    const project = new PrismaProject({ DATABASE_URL: url.href, ...GATEHOUSE }, 'gatehouse');
    const config = `import { prismaConfig } from 'gatehouse-auth/prisma';
      export default { ...(await prismaConfig()), datasource: { url: ${JSON.stringify(withSchema(url, 'gatehouse'))} } };`;
    writeFileSync(join(project.folder, 'prisma.config.ts'), config);
    expectFailure(await project.prisma('migrate', 'reset', '--force'), 'Nothing was changed');
    expect(await query(url.href, 'SELECT FROM gatehouse.users')).toHaveLength(1);
  });

  it.each([undefined, [], ['gatehouse.users']])(
    'in a reset where the CLI calls these tables external: %j',
    async (tables) => {
      const url = await databaseWithNote();
      const external = tables === undefined ? {} : { externalTables: tables };
      const left = (): Promise<object[]> =>
        query(url.href, 'SELECT FROM app.notes JOIN gatehouse.users ON id = user_id');
      const unknown = await reset({ url: withSchema(url, 'app'), ...external });
      expect(unknown).toContain('Nothing was dropped: only the configuration of gatehouse-auth/prisma');
      expect(await left()).toHaveLength(1);
      const ours = await reset({ url: withSchema(url, 'gatehouse'), schema: 'gatehouse', ...external });
      expect(ours).toContain('Nothing was dropped: the schema \\"gatehouse\\" has the tables of Gatehouse');
      expect(await left()).toHaveLength(1);
      expect(await reset({ url: withSchema(url, 'app'), schema: 'app', ...external })).toContain('"result":null');
      expect(await query(url.href, 'SELECT FROM gatehouse.users')).toHaveLength(1);
      await expect(left()).rejects.toThrow('app.notes');
    },
  );

  it('by db push where DATABASE_SCHEMA is misspelt', SLOW, async () => {
    const url = await databaseWithNote();
    const misspelt = { DATABASE_URL: url.href, DATABASE_SCHEMA: 'gatehuose', MIGRATE_ON_START: 'on' };
    const project = new PrismaProject(misspelt, 'gatehouse');
    const tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'gatehouse'";
    const before = await query(url.href, tables);
    await query(url.href, 'DROP SCHEMA app CASCADE');
    expectSuccess(await project.prisma('db', 'push', '--accept-data-loss'), 'in sync');
    expect(await query(url.href, tables)).toEqual(before);
    expect(await query(url.href, 'SELECT email FROM gatehouse.users')).toEqual([{ email: 'a@example.com' }]);
  });

  it('and keeps no login waiting for a reset behind a long transaction, which it names', async () => {
    const url = await databaseWithNote();
    const long = new pg.Client({ connectionString: url.href, application_name: 'long report' });
    await long.connect();
    onTestFinished(() => long.end());
    await long.query('BEGIN; SELECT FROM gatehouse.users');
    const refused = reset({ url: withSchema(url, 'app'), schema: 'app' });
    expect(await refused).toMatch(/The schema \\"app\\" is in use, so nothing was dropped[^]*long report \(pid/);
    expect(await query(url.href, 'SELECT FROM app.notes')).toHaveLength(1);
  });
});
