import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readEnvFile, type EnvFile } from './env-file.js';

const OURS = new Set(['PORT', 'DATABASE_URL', 'MASTER_SECRET', 'MASTER_SECRET_FILE', 'ISSUER']);
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-env-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function read(content: string | Buffer): EnvFile {
  const path = join(folder, '.env');
  writeFileSync(path, content);
  return readEnvFile(path, OURS);
}

const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le');

describe('a .env file (CFG-05)', () => {
  it.each([
    ['a byte order mark', '\uFEFFDATABASE_URL=x\nPORT=1\n'],
    ['line ends of Windows', 'DATABASE_URL=x\r\nPORT=1\r\n'],
    ['both', '\uFEFFDATABASE_URL=x\r\n\r\nPORT=1'],
    ['export and blanks', '  export DATABASE_URL = x  \nexport  PORT= 1'],
    ['quotes and comments', `# DATABASE_URL=y\nDATABASE_URL="x" # not y\nPORT='1'\n  # PORT=2`],
    ['a comment after a blank', 'DATABASE_URL=x # y\nPORT=1'],
    ['a # in quotes', 'DATABASE_URL=x\nISSUER="http://a/#b" # c\nPORT=1'],
    ['a value of several lines', 'OTHER="a\nb\n=c"\nDATABASE_URL=x\nPORT=`1`'],
    ["text after the quotes of other programs' variables", 'FOO="a" b\nDATABASE_URL=x\nBAR=\'a\'"b\nPORT=1'],
    [
      'variables of other programs',
      'DATABASE_URL=x\nPOSTGRES_PASSWORD=a#b\nPOSTGRES_PASSWORD=\ncompose.project-name=$X\nPORTS=9\nPORT=1',
    ],
  ])('with %s is read correctly', (_case, content) => {
    const { values, problems } = read(content);
    expect(problems).toEqual([]);
    expect(values).toMatchObject({ DATABASE_URL: 'x', PORT: '1' });
  });

  it.each([
    [
      'UTF-16 with its mark',
      Buffer.concat([Buffer.from([0xff, 0xfe]), utf16('PORT=1\n')]),
      'is not UTF-8: save it as UTF-8',
    ],
    ['UTF-16 without one', utf16('PORT=1\n'), 'is not UTF-8: save it as UTF-8'],
    ['UTF-16 of the other order', utf16('\uFEFFPORT=1\n').swap16(), 'is not UTF-8: save it as UTF-8'],
    ['Latin-1', Buffer.from('# für\nPORT=1\n', 'latin1'), 'is not UTF-8: save it as UTF-8'],
    ['a name alone', 'PORT=1\nDATABASE_URL\n', 'line 2 is not written NAME=value'],
    ['a colon', 'DATABASE_URL: x\nPORT=1', 'line 1 is not written NAME=value'],
    ['a blank that Node does not skip', 'PORT=1\n\u00A0DATABASE_URL=x', 'line 2 is not written NAME=value'],
    ['a byte order mark within', 'PORT=1\n\uFEFFDATABASE_URL=x', 'line 2 is not written NAME=value'],
    ['a comment in another syntax', '; PORT=1', 'line 1 is not written NAME=value'],
    ['export and a tab', 'export\tPORT=1', 'line 1 is not written NAME=value'],
    ['a blank in the name', 'DATABASE URL=x', 'line 1 is not written NAME=value'],
    ['the line ends of old Macs', 'PORT=1\rDATABASE_URL=x', 'line 1 is not written NAME=value'],
    [
      'a quote that is not closed',
      'DATABASE_URL="x\nPORT=1',
      'line 1 has an unclosed quote, or text after the closing quote',
    ],
    [
      'an unclosed quote that swallows lines',
      'OTHER="x\nPORT=1\nISSUER="y"',
      'line 1 has an unclosed quote, or text after the closing quote',
    ],
    [
      "an unclosed quote of another program's variable",
      'PORT=1\nOTHER="x',
      'line 2 has an unclosed quote, or text after the closing quote',
    ],
    ['text after a quote', 'DATABASE_URL="x"y', 'line 1 has an unclosed quote, or text after the closing quote'],
    [
      'a # in a value',
      'DATABASE_URL=postgresql://u:hunter2#x@h/d',
      'line 1 has a # in the value of DATABASE_URL, which begins a comment: put the value in quotes',
    ],
    ['small letters', 'PORT=1\n\ndatabase_url=x', 'line 3 has the name database_url: write DATABASE_URL'],
    ['dashes', 'Master-Secret-File=x', 'line 1 has the name Master-Secret-File: write MASTER_SECRET_FILE'],
    ['a name twice', 'PORT=1\nISSUER=x\nPORT=2', 'line 3 sets PORT again, after line 1: remove one'],
  ])('with %s is refused, without its values', (_case, content, problem) => {
    expect(read(content).problems).toEqual([problem]);
  });

  it('may be absent, and is refused if it is a folder or a named pipe', () => {
    expect(readEnvFile(join(folder, 'none'), OURS)).toEqual({ values: {}, problems: [] });
    mkdirSync(join(folder, 'folder'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    for (const name of ['folder', 'pipe'])
      expect(readEnvFile(join(folder, name), OURS).problems).toEqual([
        'is not a regular file: put one in its place, or remove it',
      ]);
  });
});
