import { expect, it } from 'vitest';
import { jsonPieces, readPages, ROWS_PER_PAGE, type ExportedList } from './export-json.js';

interface Row {
  readonly id: number;
}

function listOf(name: string, count: number): ExportedList & { readonly asked: (number | undefined)[] } {
  const asked: (number | undefined)[] = [];
  const pages = readPages<Row>(async (after, size) => {
    asked.push(after?.id);
    const first = (after?.id ?? 0) + 1;
    return Array.from({ length: Math.max(0, Math.min(size, count - first + 1)) }, (_, row) => ({ id: first + row }));
  });
  return { name, pages, asked };
}

const rows = (count: number): Row[] => Array.from({ length: count }, (_, row) => ({ id: row + 1 }));

it.each([
  [[]],
  [[0]],
  [[1]],
  [[0, 0]],
  [[0, 3, 0]],
  [[ROWS_PER_PAGE - 1, ROWS_PER_PAGE, ROWS_PER_PAGE + 1]],
  [[3 * ROWS_PER_PAGE, 0, 2]],
])('the pieces of lists of %j rows are one JSON object', async (counts) => {
  const lists = counts.map((count, index) => listOf(`"${index}`, count));
  const pieces = await Array.fromAsync(jsonPieces({ user: { name: 'Ada' } }, lists));
  const expected = Object.fromEntries(counts.map((count, index) => [`"${index}`, rows(count)]));
  expect(JSON.parse(pieces.join(''))).toEqual({ user: { name: 'Ada' }, ...expected });
});

it('a page is read after the last row of the page before, and only when its piece is asked for', async () => {
  const list = listOf('events', 2 * ROWS_PER_PAGE + 1);
  const pieces = jsonPieces({ user: {} }, [list]);
  const asked: number[] = [];
  for await (const _ of pieces) asked.push(list.asked.length);
  expect(list.asked).toEqual([undefined, ROWS_PER_PAGE, 2 * ROWS_PER_PAGE]);
  expect(asked).toEqual([1, 2, 3, 3]);
});

it('nothing more is read once the pieces are returned', async () => {
  const list = listOf('events', 5 * ROWS_PER_PAGE);
  const pieces = jsonPieces({ user: {} }, [list]);
  await pieces.next();
  await pieces.return(undefined);
  expect([list.asked.length, await pieces.next()]).toEqual([1, { done: true, value: undefined }]);
});
