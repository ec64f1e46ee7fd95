/** A list of an export, read in pages. */
export interface ExportedList {
  /** Of its member. */
  readonly name: string;
  /** Rows as the export has them: without what is secret, times as Date. */
  readonly pages: AsyncIterable<readonly object[]>;
}

/** Rows of a statement. */
export const ROWS_PER_PAGE = 500;

/** Reads pages until one is not full. `readPage` gets the last row of the page before. */
export async function* readPages<Row extends object>(
  readPage: (after: Row | undefined, size: number) => Promise<readonly Row[]>,
): AsyncGenerator<readonly Row[]> {
  let page: readonly Row[] = [];
  do {
    page = await readPage(page.at(-1), ROWS_PER_PAGE);
    yield page;
  } while (page.length === ROWS_PER_PAGE);
}

/**
 * The text of a JSON object with these members and then the lists, in pieces of one page. The next page is read when the
 * next piece is asked for.
 * @param members at least one
 */
export async function* jsonPieces(members: object, lists: readonly ExportedList[]): AsyncGenerator<string> {
  let before = JSON.stringify(members).slice(0, -1);
  for (const { name, pages } of lists) {
    before += `,${JSON.stringify(name)}:[`;
    let separator = '';
    for await (const page of pages) {
      if (page.length === 0) continue;
      yield before + separator + JSON.stringify(page).slice(1, -1);
      before = '';
      separator = ',';
    }
    before += ']';
  }
  yield `${before}}`;
}
