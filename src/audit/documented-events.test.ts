import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { AUDIT_EVENTS } from './audit-events.js';

it('docs/operations.md lists every audit event', () => {
  const [, table = ''] =
    /\| event \| when \|\n\|---\|---\|\n([\s\S]+?)\n\n/.exec(readFileSync('docs/operations.md', 'utf8')) ?? [];
  const cells = table.split('\n').map((row) => row.split('|')[1] ?? '');
  const named = cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => String(name)));
  expect(named.toSorted()).toEqual(Object.keys(AUDIT_EVENTS).toSorted());
});

it('docs/operations.md lists the audit events whose log line is missing at LOG_LEVEL=warn', () => {
  const [, list = ''] = /the `security` lines of\s+([^]+?)\.\n/.exec(readFileSync('docs/operations.md', 'utf8')) ?? [];
  const named = [...list.matchAll(/`(\w+)`/g)].map(([, name]) => String(name));
  const quiet = Object.entries(AUDIT_EVENTS).filter(([, level]) => level === 'info');
  expect(named.toSorted()).toEqual(quiet.map(([name]) => name).toSorted());
});
