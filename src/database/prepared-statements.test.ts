import { Logger } from '@nestjs/common';
import type pg from 'pg';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { PreparedStatements } from './prepared-statements.js';

interface Pool {
  readonly sent: pg.QueryConfig[];
  /** Names whose statement has changed its types. */
  readonly refused: Set<string>;
  readonly query: (statement: string | pg.QueryConfig) => never;
}

/** A pool that notes the statements, and answers those with a name by this error, if there is one. */
function pool(code?: string): Pool {
  const sent: pg.QueryConfig[] = [];
  const refused = new Set<string>();
  const answer = async (statement: string | pg.QueryConfig): Promise<{ rows: object[] }> => {
    if (typeof statement === 'string') throw new TypeError('no values');
    sent.push(statement);
    const isRefused = code === undefined ? refused.has(statement.name ?? '') : statement.name !== undefined;
    if (isRefused) throw Object.assign(new Error('refused'), { code: code ?? '0A000' });
    return { rows: [{ one: 1 }] };
  };
  return { sent, refused, query: (statement) => answer(statement) as never };
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

  it.each(['26000', '42P05'])(
    'that the server answers with %s runs without a name from then on, and the log says so once',
    async (code) => {
      const log = vi.spyOn(Logger.prototype, 'warn').mockReturnValue();
      onTestFinished(() => log.mockRestore());
      const { sent, query } = pool(code);
      const statements = new PreparedStatements({ query }, false);
      const both = await Promise.all([1, 2].map((value) => statements.run('SELECT $1', [value])));
      expect(both).toEqual([[{ one: 1 }], [{ one: 1 }]]);
      expect(await statements.run('SELECT $1', [3])).toEqual([{ one: 1 }]);
      expect(sent.map(({ name, values }) => [name !== undefined, values])).toEqual([
        [true, [1]],
        [true, [2]],
        [false, [1]],
        [false, [2]],
        [false, [3]],
      ]);
      expect(log.mock.calls).toEqual([[{ event: 'statements_not_prepared', code }]]);
    },
  );

  it('that has changed its types runs once without a name, then under one other name', async () => {
    const { sent, refused, query } = pool();
    const statements = new PreparedStatements({ query }, false);
    await statements.run('SELECT $1', [0]);
    const [{ name } = {}] = sent;
    refused.add(String(name));
    await Promise.all([1, 2].map((value) => statements.run('SELECT $1', [value])));
    await statements.run('SELECT $1', [3]);
    await statements.run('SELECT $1 + 1', [4]);
    expect(sent.slice(1).map((statement) => statement.name?.replace(String(name), 'first'))).toEqual([
      'first',
      'first',
      undefined,
      undefined,
      'first_1',
      expect.stringMatching(/^gatehouse_[\da-f]{32}$/),
    ]);
  });

  it('that is not supported without a name either keeps its name', async () => {
    const sent: (string | undefined)[] = [];
    const query = (statement: string | pg.QueryConfig): never => {
      sent.push(typeof statement === 'string' ? statement : statement.name);
      throw Object.assign(new Error('not supported'), { code: '0A000' });
    };
    const statements = new PreparedStatements({ query }, false);
    for (let time = 0; time < 2; time++)
      await expect(statements.run('SELECT $1', [1])).rejects.toThrow('not supported');
    expect(sent).toEqual([sent[0], undefined, sent[0], undefined]);
    expect(sent[0]).toBeDefined();
  });

  it('is not repeated after another error: it may have been executed', async () => {
    const { sent, query } = pool('57014');
    await expect(new PreparedStatements({ query }, false).run('SELECT $1', [1])).rejects.toThrow('refused');
    expect(sent).toHaveLength(1);
  });
});
