import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import type { Type } from '@nestjs/common';
import { startApp } from '../support/app.js';

/** The pages that are read, in their order. */
const pages = [
  'README.md',
  'docs/api.md',
  'docs/building-on-it.md',
  'docs/operations.md',
  'docs/security.md',
  'docs/performance.md',
];
const documents = pages.map((page) => readFileSync(page, 'utf8')).join('\n');
/** A module's place, so that the imports are those printed. */
const MODULE = 'test/.readme/src/notes';

afterAll(() => rmSync('test/.readme', { recursive: true, force: true }));

describe('the documents', () => {
  it('show a guarded and a public route that work as printed', async () => {
    const [, printed = ''] = /```ts\n([\s\S]+?)```/.exec(documents) ?? [];
    mkdirSync(MODULE, { recursive: true });
    writeFileSync(`${MODULE}/notes.module.ts`, printed.replaceAll("'../access/", "'../../../../src/access/"));
    const { NotesModule } = (await import(`${process.cwd()}/${MODULE}/notes.module.ts`)) as { NotesModule: Type };
    const app = await startApp({ features: [NotesModule] });
    const { token } = await app.signIn();
    expect((await app.call('GET', '/v1/notes/mine')).status).toBe(401);
    expect((await app.call('GET', '/v1/notes/mine', { token })).body).toEqual({ notesOf: expect.any(String) });
    expect((await app.call('GET', '/v1/notes/about')).body).toEqual({ about: 'notes' });
  });

  it('print curls that answer as printed', async () => {
    const app = await startApp();
    const blocks = [...documents.matchAll(/```(\w+)\n([\s\S]+?)```/g)].map(([, language, text = '']) => ({
      language,
      text,
    }));
    const script = blocks
      .filter(({ language, text }) => language === 'sh' && text.includes('curl'))
      .map(({ text }) => text);
    expect(script).toHaveLength(4);
    const { stdout } = await promisify(execFile)('bash', [
      '-euc',
      script.join('\necho\n').replaceAll('http://127.0.0.1:3000', app.url),
    ]);
    const printed = blocks.filter(({ language }) => language === 'json').map(({ text }) => shapeOf(text));
    expect(stdout.trim().split('\n').map(shapeOf)).toEqual(printed);
  });

  it('name only scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    const named = [...documents.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name);
    expect(named.filter((name) => !Object.hasOwn(scripts, String(name)))).toEqual([]);
  });
});

/** Member names, and values where they do not change from one run to the next. */
function shapeOf(json: string): unknown {
  const { email, ...rest } = JSON.parse(json) as Record<string, unknown>;
  return { email, members: Object.keys(rest) };
}
