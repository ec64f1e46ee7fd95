import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { Client } from '../support/client.js';
import { newFolder, packTarball, run } from '../support/npm.js';
import { PrintedBlocks } from '../support/printed-blocks.js';

const project = new PrintedBlocks('docs/building-on-it.md', 'In a project of its own', (text) => text);
const printed = new PrintedBlocks('docs/building-on-it.md', 'Tables of your own', (text) => text);
const [installPackage = ''] = project.take('sh', 'npm install gatehouse-auth').trim().split('\n');
const commands = printed.take('sh', 'npx prisma migrate dev').trim().split('\n');

/** The host of Prisma's engines is unreachable. */
const OFFLINE = { PRISMA_ENGINES_MIRROR: 'http://127.0.0.1:1' };

async function succeed(folder: string, command: string): Promise<string> {
  const { ended, output } = run(folder, 'sh', ['-c', command], OFFLINE);
  expect([command, await ended], output()).toEqual([command, 0]);
  return output();
}

it(
  'tables of a project, in an empty folder and as printed, are migrated by the Prisma CLI beside those of the package, and served',
  { timeout: 1_800_000 },
  async () => {
    const folder = newFolder('project');
    mkdirSync(join(folder, 'prisma'));
    const files = {
      'package.json': project.take('jsonc', '"allowScripts"'),
      '.env': printed.take('dotenv', 'DATABASE_SCHEMA'),
      'prisma.config.ts': printed.take('ts', 'prismaConfig'),
      'prisma/schema.prisma': printed.take('prisma', 'model Note'),
    };
    expect(printed.untaken()).toEqual([]);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    await succeed(folder, installPackage.replace('gatehouse-auth', await packTarball(newFolder('tarball'))));
    const outputs: string[] = [];
    for (const command of commands) outputs.push(await succeed(folder, command));
    expect(outputs[1]).toContain('now in sync with your schema');
    expect(outputs[2]).toContain('Database schema is up to date');
    expect(outputs[3]).toContain('No pending migrations');
    expect(readdirSync(join(folder, 'prisma/migrations'))).toEqual([
      expect.stringMatching(/_notes$/) as string,
      'migration_lock.toml',
    ]);

    const service = run(folder, 'npx', ['--no-install', 'gatehouse', 'start'], { PORT: '0' });
    const address = (): string => /http:\/\/127\.0\.0\.1:\d+/.exec(service.output())?.[0] ?? '';
    await vi.waitFor(() => expect(address(), service.output()).not.toBe(''), { timeout: 300_000 });
    expect((await new Client(address()).signIn()).userId).not.toBe('');
    // Beside the running service.
    expect(await succeed(folder, 'npx prisma migrate status')).toContain('Database schema is up to date');
  },
);
