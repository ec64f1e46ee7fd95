import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createDatabase } from '../support/app.js';
import { run, type Run } from '../support/npm.js';
import { MASTER_SECRET } from '../support/processes.js';

const SOURCES = ['package.json', 'package-lock.json', '.npmrc', 'tsconfig.json', 'src', 'prisma', '.config'];

/** A checkout without what is installed or generated. */
function checkout(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-install-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const source of SOURCES) cpSync(source, join(folder, source), { recursive: true });
  rmSync(join(folder, 'src/database/generated'), { recursive: true, force: true });
  return folder;
}

const npm = (cwd: string, args: readonly string[], environment: Record<string, string> = {}, program = 'npm'): Run =>
  run(cwd, program, args, environment);

const INSTALL = ['ci', '--no-audit', '--no-fund'];

/** `gatehouse` is found in the checkout, without a registry. */
async function hasCommand(folder: string): Promise<void> {
  const offline = { npm_config_offline: 'true', npm_config_update_notifier: 'false' };
  const { ended, output } = npm(folder, ['--no-install', 'gatehouse', '--version'], offline, 'npx');
  expect([await ended, output()]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
}

async function serves(folder: string, environment: Record<string, string> = {}): Promise<void> {
  const settings = { PORT: '0', DATABASE_URL: await createDatabase(), MASTER_SECRET };
  const { output } = npm(folder, ['start'], { ...settings, ...environment });
  const address = (): string => /http:\/\/127\.0\.0\.1:\d+/.exec(output())?.[0] ?? '';
  await vi.waitFor(() => expect(address(), output()).not.toBe(''), { timeout: 60_000 });
  expect((await fetch(`${address()}/health/ready`)).status).toBe(200);
}

describe('npm ci', () => {
  it('under NODE_ENV=production is enough for npm start', { timeout: 300_000 }, async () => {
    const folder = checkout();
    const production = { NODE_ENV: 'production' };
    const installed = npm(folder, INSTALL, production);
    expect(await installed.ended, installed.output()).toBe(0);
    await hasCommand(folder);
    await serves(folder, production);
  });

  it(
    'without install scripts makes npm start name the command to run, which is enough',
    { timeout: 300_000 },
    async () => {
      const folder = checkout();
      const installed = npm(folder, [...INSTALL, '--ignore-scripts']);
      expect(await installed.ended, installed.output()).toBe(0);
      const refused = npm(folder, ['start'], { PORT: '0' });
      expect(await refused.ended).toBe(1);
      expect(refused.output()).toContain('run npm rebuild --ignore-scripts=false');
      expect(refused.output()).not.toMatch(/^ +at /m);
      expect(await npm(folder, ['rebuild', '--ignore-scripts=false']).ended).toBe(0);
      await serves(folder);
      await hasCommand(folder);
    },
  );
});
