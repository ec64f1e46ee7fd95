import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { Client } from '../support/client.js';
import { newFolder, packTarball, run, type Run } from '../support/npm.js';
import { PrintedBlocks } from '../support/printed-blocks.js';

const printed = new PrintedBlocks('docs/building-on-it.md', 'In a project of its own', (text) => text);
const commands = printed.take('sh', 'npm install gatehouse-auth').trim().split('\n') as [
  install: string,
  installCompiler: string,
  serve: string,
];
const [testCommand] = printed.take('sh', 'node --test').trim().split('\n') as [string];

/** The files that the page prints, and the package. */
async function newProject(): Promise<{ folder: string; tarball: string }> {
  const folder = newFolder('project');
  mkdirSync(join(folder, 'src'));
  const files = {
    'package.json': printed.take('jsonc', '"allowScripts"'),
    'tsconfig.json': printed.take('jsonc', '"compilerOptions"'),
    'src/notes.module.ts': printed.take('ts', 'class NotesController'),
    'src/main.ts': printed.take('ts', 'await serve('),
    'src/notes.test.ts': printed.take('ts', 'startTestApp('),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return { folder, tarball: await packTarball(newFolder('tarball')) };
}

async function succeed(folder: string, command: string): Promise<string> {
  const { ended, output } = run(folder, 'sh', ['-c', command]);
  expect([command, await ended], output()).toEqual([command, 0]);
  return output();
}

/** Serves with the embedded database. */
async function serve(folder: string, command: string): Promise<{ client: Client; program: Run }> {
  const program = run(folder, 'sh', ['-c', command], { PORT: '0' });
  const address = (): string => /http:\/\/127\.0\.0\.1:\d+/.exec(program.output())?.[0] ?? '';
  await vi.waitFor(() => expect(address(), program.output()).not.toBe(''), { timeout: 300_000 });
  return { client: new Client(address()), program };
}

async function expectGuardedRoute(client: Client): Promise<void> {
  expect((await client.call('GET', '/v1/notes/mine')).status).toBe(401);
  const { token, userId } = await client.signIn();
  const { status, body } = await client.call('GET', '/v1/notes/mine', { token });
  expect([status, body]).toEqual([200, { notesOf: userId }]);
}

it(
  'the package, in an empty folder and as printed, is installed, compiles under --strict with its types checked, serves, and is tested',
  { timeout: 1_200_000 },
  async () => {
    const { folder, tarball } = await newProject();
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
      peerDependencies: { '@nestjs/core': expect.stringMatching(/^\^12\./) as string },
    });
    expect(manifest).not.toHaveProperty('private');

    await succeed(folder, commands[0].replace('gatehouse-auth', tarball));
    await succeed(folder, commands[1]);
    const { client, program } = await serve(folder, commands[2]);
    await expectGuardedRoute(client);
    program.terminate();
    await program.ended;
    // The signal has ended the shell, too; the service has left in order.
    expect(program.output()).toContain('"msg":"left"');
    expect(await succeed(folder, testCommand)).toMatch(/pass 1\n/);
    expect(await succeed(folder, 'npx --no-install gatehouse --version')).toMatch(/^\d+\.\d+\.\d+\n$/);
  },
);

it(
  'the package, installed without its install scripts, says which command mends it, and serves after that',
  { timeout: 1_200_000 },
  async () => {
    const { folder, tarball } = await newProject();
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      allowScripts: Record<string, boolean>;
    };
    const allow = (isAllowed: boolean): void => {
      const allowScripts = Object.fromEntries(Object.keys(manifest.allowScripts).map((name) => [name, isAllowed]));
      const current = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as object;
      writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...current, allowScripts }));
    };
    allow(false);
    await succeed(folder, commands[0].replace('gatehouse-auth', tarball));
    const start = run(folder, 'npx', ['--no-install', 'gatehouse', 'start'], { PORT: '0' });
    expect(await start.ended).toBe(1);
    expect(start.output()).toContain('run npm rebuild --ignore-scripts=false');
    expect(start.output()).not.toMatch(/^ +at /m);
    allow(true);
    await succeed(folder, 'npm rebuild --ignore-scripts=false');
    const { client } = await serve(folder, 'npx --no-install gatehouse start');
    expect((await client.call('GET', '/health/ready')).status).toBe(200);
  },
);
