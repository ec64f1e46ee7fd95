import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createDatabase, emptyDatabase } from '../support/app.js';
import { Client } from '../support/client.js';
import {
  expectFailure,
  gatehouse,
  linkProductionPackages,
  newFolder,
  type Result,
  withoutSources,
  words,
} from '../support/command-line.js';
import { MASTER_SECRET, startMain, waitForExit, waitForUrl } from '../support/processes.js';

/** Links the command as npm does. @returns a PATH that has it */
function pathWithCommand(packages: string, linkedPackage: string): string {
  const folder = join(packages, '.bin');
  mkdirSync(folder);
  symlinkSync(`${linkedPackage}/dist/cli/gatehouse.js`, join(folder, 'gatehouse'));
  return `${folder}:${process.env['PATH']}`;
}

describe('without sources and compiler', () => {
  it(
    'the built files run every command, and messages name the gatehouse on the PATH',
    { timeout: 120_000 },
    async () => {
      const folder = newFolder();
      withoutSources(folder);
      linkProductionPackages(folder);
      expect(existsSync(join(folder, 'node_modules/commander'))).toBe(true);
      for (const name of ['typescript', 'prisma', 'vitest'])
        expect(existsSync(join(folder, 'node_modules', name))).toBe(false);
      const PATH = pathWithCommand(join(folder, 'node_modules'), '../..');
      const env = { DATABASE_URL: await emptyDatabase(), MASTER_SECRET, PATH };
      const run = (line: string): Promise<Result> => gatehouse(words(line), env, { folder, cwd: '/' });
      expect((await run('--help')).stdout).not.toMatch(/npm|npx|Here/);
      expectFailure('users lst', await run('users lst'), /^usage: gatehouse users list \| show ADDRESS/);
      expectFailure('users list', await run('users list'), /run `gatehouse migrate`/);
      expect(await run('migrate')).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^Applied \d{14}_/) as string,
      });
      const client = new pg.Client({ connectionString: env.DATABASE_URL });
      await client.connect();
      onTestFinished(() => client.end());
      await client.query(`UPDATE _prisma_migrations SET finished_at = NULL, logs = 'interrupted'`);
      expectFailure(
        'users list',
        await run('users list'),
        /run `npx prisma migrate resolve --rolled-back \S+` in a checkout of the same version, with this DATABASE_URL, or with --applied/,
      );
      await client.query('UPDATE _prisma_migrations SET finished_at = now(), logs = NULL');
      expect(await run('seed --force')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^admin@/) as string });
      expect(await run('users list')).toMatchObject({ code: 0, stdout: expect.stringContaining('\tadmin@') as string });
      expect(await run('keys list')).toMatchObject({ code: 0, stderr: '' });
      expect(await run('after-restore')).toMatchObject({ code: 0, stderr: '' });
      expect((await run('events')).stdout).toContain('database_restored');
      expectFailure('reset', await run('reset'), /If that is meant: gatehouse reset --force\n$/);
      expect(await run('reset --force')).toMatchObject({ code: 0, stderr: '' });
      const before = readdirSync(join(folder, 'prisma/migrations'));
      expectFailure('migrate:new', await run('migrate:new name'), /^A migration is written in a checkout/);
      expect(readdirSync(join(folder, 'prisma/migrations'))).toEqual(before);

      const child = spawn(process.execPath, ['dist/cli/gatehouse.js', 'start'], {
        cwd: folder,
        env: { ...env, PORT: '0' },
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
      const exited = once(child, 'exit');
      const url = (): string => /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0] ?? '';
      await expect.poll(url, { timeout: 30_000 }).not.toBe('');
      // Node would open its inspector.
      child.kill('SIGUSR1');
      expect((await fetch(`${url()}/health/ready`)).status).toBe(200);
      child.kill('SIGTERM');
      expect(await exited).toEqual([0, null]);
      expect(output).not.toMatch(/Debugger|inspector/);
    },
  );

  it('the built files name their own path when no gatehouse or another one is on the PATH', async () => {
    const folder = newFolder();
    withoutSources(folder);
    linkProductionPackages(folder);
    const other = newFolder();
    writeFileSync(join(other, 'gatehouse'), '#!/bin/sh\n', { mode: 0o755 });
    for (const PATH of ['/usr/bin:/bin', `${other}:/usr/bin:/bin`]) {
      const { stderr } = await gatehouse(['users', 'lst'], { PATH }, { folder });
      expect(stderr).toContain(`usage: node ${realpathSync(folder)}/dist/cli/gatehouse.js users list | show`);
    }
  });

  it(
    "the installed package works in a project of its user's, by that project's .env, and messages name npx --no-install gatehouse",
    { timeout: 60_000 },
    async () => {
      const project = newFolder();
      linkProductionPackages(project);
      const folder = join(project, 'node_modules/gatehouse-auth');
      withoutSources(folder);
      writeFileSync(join(project, '.env'), `DATABASE_URL=${await createDatabase()}\nMASTER_SECRET=${MASTER_SECRET}\n`);
      // As npx does, which the operator's shell does not.
      const PATH = pathWithCommand(join(project, 'node_modules'), '../gatehouse-auth');
      const run = (line: string): Promise<Result> => gatehouse(words(line), { PATH }, { folder, cwd: project });
      expectFailure('bogus', await run('bogus'), /^usage: npx --no-install gatehouse COMMAND /);
      expect((await run('users list --help')).stdout).toMatch(/^Here: npx --no-install gatehouse users list$/m);
      const ofUser = await run('users disable ada@example.com');
      expectFailure('users disable', ofUser, /`npx --no-install gatehouse users list` lists them\.\n$/);
      expect(await run('migrate')).toEqual({ code: 0, stdout: 'Nothing to migrate.\n', stderr: '' });
      expect(await run('seed --force')).toMatchObject({ code: 0, stderr: '' });
      expect(await run('users list')).toMatchObject({ code: 0, stdout: expect.stringContaining('\tadmin@') as string });
      expect(readdirSync(project).toSorted()).toEqual(['.env', 'node_modules']);
    },
  );

  it('the npm package holds what runs and no sources', () => {
    const text = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      encoding: 'utf8',
      stdio: 'pipe',
    });
    const packed = Object.values(JSON.parse(text) as Record<string, { files: { path: string }[] }>)[0];
    const files = (packed?.files ?? []).map(({ path }) => path);
    expect(files).toEqual(
      expect.arrayContaining([
        'dist/cli/gatehouse.js',
        'prisma/schema.prisma',
        'prisma/migrations/migration_lock.toml',
      ]),
    );
    expect(files.filter((file) => /(?<!\.d)\.ts$|^(?:src|test|bench|\.)/.test(file))).toEqual([]);
  });
});

describe('docs/operations.md', () => {
  const [section = ''] = /## The command line\n[\s\S]+?\n## /.exec(readFileSync('docs/operations.md', 'utf8')) ?? [];

  it('prints commands that work', async () => {
    const [, printed = ''] = /```sh\n([\s\S]+?)```/.exec(section) ?? [];
    const env = { ...process.env, DATABASE_URL: await createDatabase(), MASTER_SECRET, HOME: newFolder() };
    await gatehouse(['seed', '--force'], env);
    const stdout = execFileSync('bash', ['-o', 'pipefail', '-euc', printed], { env, encoding: 'utf8' });
    expect(stdout).toMatch(/^Usage: gatehouse COMMAND$/m);
    expect(stdout).toMatch(/^Usage: gatehouse users disable ADDRESS$/m);
    expect(stdout).toMatch(/\tadmin@example\.com\t.*\tenabled$/m);
  });

  it('prints operations that work beside the running app', { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-program-'));
    chmodSync(folder, 0o711);
    const environment = { DATA_DIR: join(folder, 'data') };
    const app = startMain(environment);
    const url = await waitForUrl(app);
    await new Client(url).register('ada@example.com');
    const [, printed = ''] =
      /## Commands\n\n```sh\n([\s\S]+?)```/.exec(readFileSync('docs/operations.md', 'utf8')) ?? [];
    const { DATABASE_URL: _, ...inherited } = process.env;
    const run = async (script: string): Promise<string> => {
      const env = { ...inherited, ...environment };
      return (await promisify(execFile)('bash', ['-euc', script], { env })).stdout;
    };
    const stdout = await run(printed);
    // Fewer users take less time.
    const seeded = await run(
      'npm run users -- delete ada@example.com; npm run db:seed; npm run db:seed -- --users 1000; npm run db:reset',
    );
    expect(stdout).toMatch(/\tada@example\.com\t.*\tenabled$/m);
    expect(stdout).toContain('Database schema is up to date!');
    expect(seeded).toMatch(/^admin@example\.com has the password \S{24}$/m);
    expect(await gatehouse(['users', 'list'], environment)).toEqual({ code: 0, stdout: '', stderr: '' });
    // A reset deletes the keys too; the node generates new ones.
    await expect.poll(async () => (await fetch(`${url}/health/ready`)).status, { timeout: 10_000 }).toBe(200);
    app.process.kill('SIGTERM');
    expect(await waitForExit(app)).toBe(0);
    rmSync(folder, { recursive: true });
  });
});
