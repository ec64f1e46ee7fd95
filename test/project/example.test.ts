import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, inject, it } from 'vitest';
import { emptyDatabase } from '../support/app.js';
import { Example } from '../support/example.js';
import { MASTER_SECRET } from '../support/processes.js';

/** The packages of the checkout, and the checkout as `gatehouse-auth`. */
function linkPackages(folder: string): void {
  const packages = join(folder, 'node_modules');
  mkdirSync(packages);
  for (const name of readdirSync('node_modules')) symlinkSync(resolve('node_modules', name), join(packages, name));
  symlinkSync(resolve('.'), join(packages, 'gatehouse-auth'));
}

/** The modules that the other sections of the page print, to be compiled with the example. */
function writeModulesOfTopics({ folder, files }: Example): string[] {
  const blocks = [...readFileSync('docs/building-on-it.md', 'utf8').matchAll(/```ts\n([^]+?)```/g)].map(
    ([, text = '']) => text,
  );
  const others = blocks.filter(
    (text) => /^export class \w+Module\b/m.test(text) && ![...files.values()].includes(text),
  );
  mkdirSync(join(folder, 'src/topics'));
  return others.map((text) => {
    const [, name = ''] = /^export class (\w+Module)\b/m.exec(text) ?? [];
    writeFileSync(join(folder, `src/topics/${name}.ts`), text);
    return name;
  });
}

it(
  'the example of docs/building-on-it.md is migrated, passes its tests and the linter, and answers as printed',
  { timeout: 600_000 },
  async () => {
    const database = { DATABASE_URL: await emptyDatabase(), MASTER_SECRET, MIGRATE_ON_START: 'on' };
    const example = new Example({ ...database, TEST_DATABASE_URL: inject('databaseServerUrl') });
    linkPackages(example.folder);
    expect(writeModulesOfTopics(example).toSorted()).toEqual([
      'ChangesModule',
      'ClockModule',
      'CountModule',
      'FilesModule',
      'GreetingsModule',
    ]);
    await example.succeed(example.command('prisma migrate dev'));
    await example.succeed(example.command('prisma migrate deploy'));
    expect(await example.succeed('npm test')).toMatch(/pass [1-9]\d*\n[^]*fail 0\n/);
    await example.succeed('npm run fix');
    expect(example.changedFiles()).toEqual([]);
    const { client, program } = await example.serve(example.command('npm start'));
    await example.expectPrintedAnswers(client.url);
    await example.succeed(example.command('gatehouse users grant'));
    const { token } = await client.signInAs('grace@example.com', 'correct horse battery');
    expect((await client.call('GET', '/v1/admin/notes', { token })).status).toBe(200);
    program.terminate();
    await program.ended;
  },
);
