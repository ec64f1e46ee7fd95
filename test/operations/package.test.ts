import { execFileSync } from 'node:child_process';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { Example } from '../support/example.js';
import { newFolder, packTarball } from '../support/npm.js';

/** The printed installation, from this file. */
function installing(command: string, tarball: string): string {
  const [printed = ''] = /\S+\.tgz/.exec(command) ?? [];
  expect(basename(printed)).toBe(basename(tarball));
  return command.replace(printed, tarball);
}

/** The host of Prisma's engines is unreachable. */
const OFFLINE = { PRISMA_ENGINES_MIRROR: 'http://127.0.0.1:1' };

it(
  'the package, in an empty folder and as printed, is installed, compiles under --strict with its types checked, is migrated, tested and served, and answers as printed',
  { timeout: 1_200_000 },
  async () => {
    const example = new Example(OFFLINE);
    const tarball = await packTarball(newFolder('tarball'));
    const listed = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' });
    expect(
      listed.split('\n').filter((file) => /\.map$|(?<!\.d)\.ts$|\.test\.|^package\/(?:src|test|bench|\.)/.test(file)),
    ).toEqual([]);
    const manifest = JSON.parse(
      execFileSync('tar', ['-xzOf', tarball, 'package/package.json'], { encoding: 'utf8' }),
    ) as Record<'dependencies' | 'peerDependencies', Record<string, string>>;
    expect(Object.keys(manifest.dependencies).filter((name) => name in manifest.peerDependencies)).toEqual([]);
    expect(manifest).toMatchObject({
      bin: { gatehouse: 'dist/cli/gatehouse.js' },
      peerDependencies: { '@nestjs/core': expect.stringMatching(/^\^12\./) as string, prisma: '~7.10.0' },
    });
    expect(manifest).not.toHaveProperty('private');

    const [install = '', installTools = ''] = example.commands('.tgz');
    await example.succeed(installing(install, tarball));
    await example.succeed(installTools);
    expect(await example.succeed(example.command('prisma migrate dev'))).toContain('now in sync with your schema');
    expect(readdirSync(join(example.folder, 'prisma/migrations'))).toEqual([
      expect.stringMatching(/_notes$/) as string,
      'migration_lock.toml',
    ]);
    expect(await example.succeed(example.command('npm test'))).toMatch(/fail 0\n/);
    await example.succeed('npm run fix');
    // npm has added the packages to package.json.
    expect(example.changedFiles()).toEqual(['package.json']);
    expect(await example.succeed('npx --no-install gatehouse --version')).toMatch(/^\d+\.\d+\.\d+\n$/);

    const { client, program } = await example.serve(example.command('npm start'));
    await example.expectPrintedAnswers(client.url);
    await example.succeed(example.command('gatehouse users grant'));
    // Beside the running service.
    expect(await example.succeed('npx prisma migrate status')).toContain('Database schema is up to date');
    const { token } = await client.signInAs('grace@example.com', 'correct horse battery');
    expect((await client.call('GET', '/v1/admin/notes', { token })).status).toBe(200);
    program.terminate();
    await program.ended;
    // The signal has ended the shell, too; the service has left in order.
    expect(program.output()).toContain('"msg":"left"');
    expect(await example.succeed(example.command('prisma migrate deploy'))).toContain('No pending migrations');
    expect(example.untaken()).toEqual([]);

    const development = await example.serve('npm run dev');
    appendFileSync(join(example.folder, 'src/notes/notes.module.ts'), '\n');
    const starts = (): number => development.program.output().split('Server listening').length - 1;
    await vi.waitFor(() => expect(starts(), development.program.output()).toBe(2), { timeout: 300_000 });
  },
);

it(
  'the package, installed without its install scripts, says which command mends it, and serves after that',
  { timeout: 1_200_000 },
  async () => {
    const example = new Example();
    const { folder } = example;
    const tarball = await packTarball(newFolder('tarball'));
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      allowScripts: Record<string, boolean>;
    };
    const allow = (isAllowed: boolean): void => {
      const allowScripts = Object.fromEntries(Object.keys(manifest.allowScripts).map((name) => [name, isAllowed]));
      const current = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as object;
      writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...current, allowScripts }));
    };
    allow(false);
    const [install = ''] = example.commands('.tgz');
    await example.succeed(installing(install, tarball));
    const start = example.start('npx --no-install gatehouse start', { PORT: '0' });
    expect(await start.ended).toBe(1);
    expect(start.output()).toContain('run npm rebuild --ignore-scripts=false');
    expect(start.output()).not.toMatch(/^ +at /m);
    allow(true);
    await example.succeed('npm rebuild --ignore-scripts=false');
    const { client } = await example.serve('npx --no-install gatehouse start');
    expect((await client.call('GET', '/health/ready')).status).toBe(200);
  },
);
