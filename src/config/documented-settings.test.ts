import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Setting } from './setting-parsers.js';
import { settings } from './settings.js';

const table = Object.entries<Setting<unknown>>(settings);

/** As an operator writes it: flags as on and off, the folder as it was given. */
function shown({ fallback }: Setting<unknown>): string {
  if (typeof fallback === 'boolean') return fallback ? 'on' : 'off';
  return String(fallback);
}

describe('the documented settings', () => {
  it('are those of docs/configuration.md, with their defaults, allowed values and meanings', () => {
    const rows = readFileSync('docs/configuration.md', 'utf8').matchAll(
      /^\| `([A-Z\d_]+)` \| (.*?) \| (.*?) \| (.*) \|$/gm,
    );
    const documented = [...rows].map(([, name, standard, allowed, about]) => [name, standard, allowed, about]);
    const expected = table.map(([name, setting]) => [
      name,
      setting.fallback === undefined ? (setting.unset ?? '') : `\`${shown(setting)}\``,
      setting.allowed,
      setting.about,
    ]);
    expect(documented).toEqual(expected);
  });

  it('are those of .env.example, with their meanings', () => {
    const text = readFileSync('.env.example', 'utf8');
    const comments = [...text.matchAll(/^# (.+)\n# [A-Z\d_]+=.*$/gm)].map(([, comment]) => comment);
    expect(comments).toEqual(
      table.map(([, { about, fallback, unset = '' }]) =>
        `${about}${fallback === undefined ? ` Unset: ${unset}.` : ''}`.replaceAll('`', ''),
      ),
    );
  });

  it('are those of .env.example, with their defaults', () => {
    const lines = readFileSync('.env.example', 'utf8').matchAll(/^# ?([A-Z\d_]+)=(.*)$/gm);
    const documented = [...lines].map(([, name, value]) => [name, value]);
    expect(documented).toEqual(
      table.map(([name, setting]) => [name, setting.fallback === undefined ? '' : shown(setting)]),
    );
  });
});
