import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MODULES } from './layers.js';

/** The exact rows of docs/requirements.md. */
const IDS: Readonly<Record<string, string>> = {
  P0: `TOK-01 TOK-02 TOK-03 TOK-04 TOK-05 TOK-06 TOK-07 RT-01 RT-02 RT-03 RT-04 RT-05 SES-01 SES-02 SES-03
       ACC-01 ACC-02 ACC-03 ACC-04 PWD-01 PWD-02 BRU-01 BRU-02 BRU-03 REC-01 REC-02 REC-03 REC-04 CON-01
       FLT-01 FLT-02 FLT-03 INJ-01 KEY-01 CFG-01 LOG-01 FLT-04 KEY-02 INP-13 FLT-23 SES-07 FLT-24
       ACC-07 ACC-08 ACC-09 REC-08 REC-09`,
  P1: `TOK-08 TOK-09 TOK-10 TOK-11 TOK-12 TOK-13 TOK-14 TOK-15 TOK-16 RT-06 RT-07 SES-04 SES-05 SES-06
       PWD-03 PWD-04 PWD-05 PWD-06 PWD-07 PWD-08 ENU-01 ENU-02 ENU-03 ENU-04 BRU-04 BRU-05 BRU-06 BRU-07
       REC-05 REC-06 REC-07 API-01 API-02 API-03 API-04 API-05 API-06 API-07 INP-01 INP-02 INP-03 INP-04
       INP-05 INP-06 INP-07 INP-08 INP-09 INP-10 INP-11 INP-12 FLT-05 FLT-06 FLT-07 FLT-08 FLT-09 FLT-10
       FLT-11 FLT-12 FLT-13 FLT-14 FLT-15 FLT-16 FLT-17 FLT-18 BRU-08 BRU-09 BRU-10 KEY-04 FLT-25 FLT-26 FLT-27 TIM-01 CFG-05 REC-10 REC-11`,
  P2: `API-08 API-09 API-10 API-11 API-12 OAU-01 OAU-02 OAU-03 OAU-04 OAU-05 LOG-02 PWD-09 CFG-02 CFG-03
       CFG-04 FLT-19 FLT-20 FLT-21 FLT-22 KEY-03 ACC-05 API-13 API-14 API-15`,
};

interface Row {
  readonly id: string;
  readonly sentence: string;
  /** As `file: suite › test`, like {@link Block.name}. */
  readonly tests: readonly string[];
  readonly remarks: readonly string[];
}

/** A suite or a test in a source file. */
interface Block {
  readonly name: string;
  /** Without the titles of the enclosing suites. */
  readonly title: string;
  readonly isTest: boolean;
}

const TEXT = String.raw`\s*(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|\x60((?:[^\x60\\]|\\.)*)\x60)\s*,`;
const TITLE = new RegExp(String.raw`\(${TEXT}`, 'y');
/** A title in the second call, after a table, a type or a condition. */
const TITLE_OF_SECOND_CALL = new RegExp(String.raw`[\s\S]*?\)\(${TEXT}`, 'y');

const requirements = readFileSync('docs/requirements.md', 'utf8');
const rows = rowsOf(requirements);
const blocks = testFiles().flatMap((file) => blocksOf(file, readFileSync(file, 'utf8')));

function rowsOf(markdown: string): Row[] {
  const lines = markdown.matchAll(/^\| ([A-Z]+-\d+) \| (.+?) \| (.+) \|$/gm);
  return [...lines].map(([, id = '', sentence = '', cell = '']) => {
    const entries = cell.split('<br>').map((entry) => ({ entry, test: testNameIn(entry) }));
    const tests = entries.flatMap(({ test }) => test ?? []);
    return { id, sentence, tests, remarks: entries.filter(({ test }) => test === undefined).map(({ entry }) => entry) };
  });
}

/** Parses `file`: *suite › test*; in the name, `*` and `|` are escaped with a backslash. */
function testNameIn(entry: string): string | undefined {
  const [, file, name] = /^`([\w./-]+)`: \*(.+)\*$/.exec(entry) ?? [];
  return name === undefined ? undefined : `${file}: ${name.replaceAll(/\\([*|])/g, '$1')}`;
}

function testFiles(): string[] {
  const inSrc = readdirSync('src', { recursive: true, encoding: 'utf8' }).map((file) => `src/${file}`);
  return [...inSrc, ...filesOfTest().map((file) => `test/${file}`)].filter((file) => file.endsWith('.test.ts'));
}

function filesOfTest(): string[] {
  const files = readdirSync('test', { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.ts') && !/^(?:\.|golden\/)/.test(file) && !isOfFeature(file));
}

/** Of a module that builds on ours, such as `notes/notes.test.ts` beside `src/notes/`. */
function isOfFeature(file: string): boolean {
  const folder = file.slice(0, file.indexOf('/'));
  return existsSync(`src/${folder}`) && !MODULES.includes(folder);
}

/** Uses the indentation, which the formatter guarantees, to find the enclosing suites. */
function blocksOf(file: string, source: string): Block[] {
  const open: { indent: number; title: string; isRun: boolean }[] = [];
  return [...source.matchAll(/^( *)(describe|it|test)(?:\.(\w+))?(?=[(<])/gm)].flatMap((call) => {
    const [before, { length: indent } = '', kind, modifier = ''] = call;
    while (indent <= (open.at(-1)?.indent ?? -1)) open.pop();
    const title = titleAt(source, call.index + before.length, modifier);
    open.push({ indent, title, isRun: modifier !== 'skip' && modifier !== 'todo' });
    if (open.some(({ isRun }) => !isRun)) return [];
    return { name: `${file}: ${open.map((each) => each.title).join(' › ')}`, title, isTest: kind !== 'describe' };
  });
}

function titleAt(source: string, index: number, modifier: string): string {
  const pattern = ['each', 'for', 'runIf', 'skipIf'].includes(modifier) ? TITLE_OF_SECOND_CALL : TITLE;
  pattern.lastIndex = index;
  const text = pattern
    .exec(source)
    ?.slice(1)
    .find((group) => group !== undefined);
  return text?.replaceAll(/\\(.)/g, '$1') ?? '(not a text)';
}

/** The ids in parentheses, such as (RT-01, SES-03) and (%s, TOK-01). */
function idsIn(title: string): string[] {
  const inside = [...title.matchAll(/\(([^()]*)\)/g)].flatMap(([, text = '']) => text.split(', '));
  return inside.filter((word) => /^[A-Z]+-\d+$/.test(word));
}

/** A remark in place of tests. */
function isReason(remark: string): boolean {
  return /^(?:not held yet: .+|no [a-z]+ yet)$/i.test(remark);
}

/** A remark after the tests. */
function isRest(remark: string): boolean {
  return /^partly: .+$/.test(remark);
}

describe('the table of requirements', () => {
  it.each(Object.entries(IDS))('has every requirement of %s once', (priority, ids) => {
    const [, section = ''] = requirements.split(`\n## ${priority}\n`);
    const found = rowsOf(section.split('\n## ')[0] ?? '').map(({ id }) => id);
    expect(found).toEqual(ids.split(/\s+/));
  });

  it('has 146 rows, each with a sentence', () => {
    expect(rows).toHaveLength(146);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(146);
    expect(rows.filter(({ sentence }) => !sentence.endsWith('.'))).toEqual([]);
  });

  it('names only tests that exist', () => {
    const known = new Set(blocks.filter(({ isTest }) => isTest).map(({ name }) => name));
    const named = rows.flatMap(({ id, tests }) => tests.map((test) => ({ id, test })));
    expect(named.filter(({ test }) => !known.has(test))).toEqual([]);
    expect(named.length).toBeGreaterThan(rows.length);
  });

  it('names no test twice in a row', () => {
    expect(rows.filter(({ tests }) => new Set(tests).size !== tests.length).map(({ id }) => id)).toEqual([]);
  });

  it('gives a reason in every row without a test, and what is missing in every partly covered row', () => {
    const unexplained = rows.filter(({ tests, remarks }) =>
      tests.length === 0
        ? remarks.length !== 1 || !remarks.every(isReason)
        : remarks.length > 1 || !remarks.every(isRest),
    );
    expect(unexplained).toEqual([]);
  });

  it('names every test, and a test of every suite, whose title contains the id of the row', () => {
    const named = new Map(rows.map(({ id, tests }) => [id, tests]));
    const isNamed = (id: string, { name, isTest }: Block): boolean =>
      named.get(id)?.some((test) => (isTest ? test === name : test.startsWith(`${name} › `))) ?? false;
    const withIds = blocks.flatMap((block) => idsIn(block.title).map((id) => ({ id, block })));
    expect(withIds.filter(({ id, block }) => !isNamed(id, block))).toEqual([]);
    expect(withIds.length).toBeGreaterThan(50);
  });
});

it('the table of test/README.md lists every file in the folders of test', () => {
  const files = readFileSync('test/README.md', 'utf8').matchAll(/^\| `([\w./-]+)` \|/gm);
  const listed = [...files].map(([, file = '']) => file);
  expect(listed.toSorted()).toEqual([...filesOfTest(), 'golden/'].toSorted());
});
