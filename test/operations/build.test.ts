import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

const FILES = ['package.json', 'package-lock.json', 'tsconfig.json', '.config', 'prisma', 'src', 'dist'];
/** As root this is another user than the owner of the files, whose modes do not hold for root. */
const OTHER_USER = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined;

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-build-'));
  onTestFinished(() => {
    execFileSync('chmod', ['-R', 'u+w', folder]);
    rmSync(folder, { recursive: true });
  });
  return folder;
}

/** A built checkout without the link to `gatehouse`; its packages are those of this one. */
function builtCheckout(): string {
  const folder = newFolder();
  chmodSync(folder, 0o755);
  // With the times of the files: the build compares them.
  execFileSync('cp', ['-a', ...FILES, folder]);
  for (const inFolder of ['node_modules', 'node_modules/.bin']) {
    mkdirSync(join(folder, inFolder));
    for (const name of readdirSync(inFolder)) {
      if (name !== '.bin' && name !== 'gatehouse') symlinkSync(resolve(inFolder, name), join(folder, inFolder, name));
    }
  }
  return folder;
}

/** stdout of an npm script, with these settings alone. */
function runScript(
  folder: string,
  args: readonly string[],
  env: Record<string, string>,
  user?: { uid: number; gid: number },
): Promise<string> {
  return new Promise((done, failed) => {
    const options = { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder, ...env }, ...user };
    execFile('npm', ['run', '--silent', ...args], options, (error, stdout, stderr) =>
      error === null ? done(stdout) : failed(new Error(`${error.message}${stdout}${stderr}`)),
    );
  });
}

const outputs = (folder: string): string[] =>
  readdirSync(join(folder, 'dist'), { recursive: true, encoding: 'utf8' }).toSorted();

it('the npm scripts run in a built checkout that their user cannot write to', async () => {
  const folder = builtCheckout();
  execFileSync('chmod', ['-R', 'a-w', folder]);
  const dataDir = newFolder();
  if (OTHER_USER !== undefined) chownSync(dataDir, OTHER_USER.uid, OTHER_USER.gid);
  const run = (...args: string[]): Promise<string> => runScript(folder, args, { DATA_DIR: dataDir }, OTHER_USER);
  expect(await run('users', '--', '--help')).toMatch(/^Usage: gatehouse users/);
  expect(await run('db:migrate')).toMatch(/^Applied \d{14}_/);
  expect(await run('users', 'list')).toBe('');
});

it('the build links the command, and removes the outputs of sources that are gone', async () => {
  const folder = builtCheckout();
  const before = outputs(folder);
  for (const name of ['gone.js', 'gone.js.map', 'gone.d.ts', 'gone.browser.js', 'gone.css'])
    writeFileSync(join(folder, 'dist/cli', name), '');
  writeFileSync(join(folder, 'src/cli/new.ts'), 'export const isNew = true;\n');
  await runScript(folder, ['build'], {});
  const added = ['new.d.ts', 'new.js', 'new.js.map'].map((name) => join('cli', name));
  expect(outputs(folder)).toEqual([...before, ...added].toSorted());
  expect(existsSync(join(folder, 'node_modules/.bin/gatehouse'))).toBe(true);
});
