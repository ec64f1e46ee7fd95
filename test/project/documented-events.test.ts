import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AUDIT_EVENTS } from '../../src/audit/audit-events.js';

const LEVELS: Readonly<Record<string, string>> = { info: '30', log: '30', warn: '40', error: '50' };

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => /(?<!\.test)\.ts$/.test(file) && !file.includes('generated'))
  .map((file) => readFileSync(join('src', file), 'utf8'));

/** The events that the code names. */
const events = new Set([
  ...Object.keys(AUDIT_EVENTS),
  ...sources.flatMap((text) =>
    [...text.matchAll(/\bevent(?:: | = )('[a-z_]+'(?: \| '[a-z_]+')*)/g)].flatMap(([, names = '']) =>
      names.split(' | ').map((name) => name.slice(1, -1)),
    ),
  ),
]);

/** The level of each event whose name stands in the call that logs it. */
const levels = new Map<string, string>([
  ...Object.entries(AUDIT_EVENTS),
  ...sources.flatMap((text) =>
    [...text.matchAll(/\.(info|log|warn|error)\(\s*\{[^}]*?event: '([a-z_]+)'/g)]
      // `options.log` of the workers is the log of the start, which writes warnings.
      .filter(([call]) => !call.startsWith('.log') || !text.includes(`options${call}`))
      .map(([, method = '', name = '']): [string, string] => [name, method]),
  ),
]);

/** Event and level of each row of the table; a row may have several of each. */
const rows = [
  ...((readFileSync('docs/operations.md', 'utf8').split('\n### The events\n')[1] ?? '')
    .split('\n## ')[0]
    ?.matchAll(/^\| (`[^|]+`) \| ([\d ·]+) \|/gm) ?? []),
].flatMap(([, names = '', documented = '']) => {
  const ofRow = documented.split(' · ');
  return names.split(' · ').map((name, place) => [name.slice(1, -1), ofRow[place] ?? ofRow[0]] as const);
});

describe('the table of events in docs/operations.md', () => {
  it('has each event of the code once, and no other', () => {
    expect(events.size).toBeGreaterThan(30);
    expect(rows.map(([name]) => name).toSorted()).toEqual([...events].toSorted());
  });

  it('has their levels', () => {
    const known = rows.filter(([name]) => levels.has(name));
    expect(known.length).toBeGreaterThan(25);
    expect(known).toEqual(known.map(([name]) => [name, LEVELS[levels.get(name) ?? '']]));
  });
});
