import { describe, expect, it } from 'vitest';
import { ensureMigrated } from '../../dist/database/run-migrations.js';
import { createDatabase, query, testConfig } from '../support/app.js';
import { createGoldenDatabase } from '../support/old-version.js';

const ID = '01920000-0000-7000-8000-000000000001';

/** A JSON object nested this deep. */
const nested = (depth: number): string => '{"a":'.repeat(depth - 1) + '{}' + '}'.repeat(depth - 1);

const fileOf = async (url: string): Promise<unknown> =>
  (await query(url, `SELECT pg_relation_filenode('users') AS file, count(*)::int AS users FROM users`))[0];

describe('roles, version, profile and application data of the users', () => {
  it('are added without rewriting the table, with defaults that old nodes insert too', async () => {
    const url = await createGoldenDatabase();
    const before = await fileOf(url);
    await ensureMigrated(testConfig(url), { migrate: true });
    expect(await fileOf(url)).toEqual(before);
    await query(url, `INSERT INTO users (id, email, email_lower, password_hash) VALUES ($1, 'a@b.c', 'a@b.c', '')`, [
      ID,
    ]);
    expect(await query(url, 'SELECT DISTINCT roles, version, profile, app_data AS "appData" FROM users')).toEqual([
      { roles: [], version: 0, profile: {}, appData: {} },
    ]);
  });

  it('are bounded by the database, too', async () => {
    const url = await createDatabase();
    await query(url, `INSERT INTO users (id, email, email_lower, password_hash) VALUES ($1, 'a@b.c', 'a@b.c', '')`, [
      ID,
    ]);
    const set = (column: string, value: unknown) =>
      query(url, `UPDATE users SET ${column} = $1`, [value]).then(
        () => 'set',
        (error: Error) => /violates (check|not-null) constraint/.exec(error.message)?.[1] ?? error.message,
      );
    const long = Array.from({ length: 15 }, (_, at) => 'a'.repeat(31) + String.fromCharCode(97 + at));
    const roles: [unknown, string][] = [
      [['admin', 'a', 'a-b_9', 'a'.repeat(32)], 'set'],
      [[...long.slice(0, 14), 'a'.repeat(18)], 'set'],
      [[...long.slice(0, 14), 'a'.repeat(19)], 'check'],
      [['Admin'], 'check'],
      [['a b'], 'check'],
      [['a,b'], 'check'],
      [[''], 'check'],
      [['a'.repeat(33)], 'check'],
      [['a', null], 'check'],
      [null, 'not-null'],
    ];
    for (const [value, outcome] of roles) expect([value, await set('roles', value)]).toEqual([value, outcome]);
    for (const column of ['profile', 'app_data']) {
      const values: [string, string][] = [
        [nested(8), 'set'],
        [nested(9), 'check'],
        ['{"a":[[[[[[[]]]]]]]}', 'set'],
        ['{"a":[[[[[[[[]]]]]]]]}', 'check'],
        ['[]', 'check'],
        ['1', 'check'],
        [`{"a":"${'x'.repeat(4000)}"}`, 'set'],
        [`{"a":"${'x'.repeat(9000)}"}`, 'check'],
      ];
      for (const [value, outcome] of values) expect([value, await set(column, value)]).toEqual([value, outcome]);
    }
    expect([await set('version', 1), await set('version', -1)]).toEqual(['set', 'check']);
  });
});
