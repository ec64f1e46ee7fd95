import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { PreparedStatements } from './prepared-statements.js';

/** A pool that notes the statements, and answers those with a name by this error, if there is one. */
function pool(code?: string): { sent: pg.QueryConfig[]; query: (statement: string | pg.QueryConfig) => never } {
  const sent: pg.QueryConfig[] = [];
  const answer = async (statement: string | pg.QueryConfig): Promise<{ rows: object[] }> => {
    if (typeof statement === 'string') throw new TypeError('no values');
    sent.push(statement);
    if (statement.name !== undefined && code !== undefined) throw Object.assign(new Error('refused'), { code });
    return { rows: [{ one: 1 }] };
  };
  return { sent, query: (statement) => answer(statement) as never };
}

describe('a prepared statement', () => {
  it('has a name that follows from its text, in every process', async () => {
    const [one, other] = [pool(), pool()];
    const statements = new PreparedStatements(one, false);
    expect(await statements.run('SELECT $1', [1])).toEqual([{ one: 1 }]);
    await statements.run('SELECT $1', [2]);
    await statements.run('SELECT $1 + 1', [3]);
    await new PreparedStatements(other, false).run('SELECT $1', [4]);
    const [first, second, third] = one.sent.map(({ name }) => name);
    expect(first).toMatch(/^gatehouse_[\da-f]{32}$/);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
    expect(other.sent).toEqual([{ name: first, text: 'SELECT $1', values: [4] }]);
  });

  it('has none behind a pooler', async () => {
    const { sent, query } = pool();
    await new PreparedStatements({ query }, true).run('SELECT $1', [1]);
    expect(sent).toEqual([{ text: 'SELECT $1', values: [1] }]);
  });

  it.each(['26000', '42P05', '0A000'])(
    'that the server answers with %s runs without a name from then on',
    async (code) => {
      const { sent, query } = pool(code);
      const statements = new PreparedStatements({ query }, false);
      expect(await statements.run('SELECT $1', [1])).toEqual([{ one: 1 }]);
      expect(await statements.run('SELECT $1', [2])).toEqual([{ one: 1 }]);
      expect(sent.map(({ name, values }) => [name !== undefined, values])).toEqual([
        [true, [1]],
        [false, [1]],
        [false, [2]],
      ]);
    },
  );

  it('is not repeated after another error: it may have been executed', async () => {
    const { sent, query } = pool('57014');
    await expect(new PreparedStatements({ query }, false).run('SELECT $1', [1])).rejects.toThrow('refused');
    expect(sent).toHaveLength(1);
  });
});
