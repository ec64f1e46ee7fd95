import { readFileSync } from 'node:fs';

interface Block {
  readonly language: string;
  readonly text: string;
  isTaken: boolean;
}

/** The code blocks of one section of a document, so that a test runs what an operator reads. */
export class PrintedBlocks {
  readonly #blocks: readonly Block[];
  readonly #section: string;

  /** @param adapt changes a printed text for the machine of the test, such as IP addresses and passwords */
  constructor(
    page: string,
    heading: string,
    private readonly adapt: (text: string) => string,
  ) {
    const [, section = ''] =
      new RegExp(String.raw`\n## ${heading}\n([^]*?)(?=\n## |$)`).exec(readFileSync(page, 'utf8')) ?? [];
    this.#section = section;
    this.#blocks = [...section.matchAll(/```(\w+)\n([^]+?)```/g)].map(([, language = '', text = '']) => ({
      language,
      text,
      isTaken: false,
    }));
  }

  /** The block of this language that contains the text; it may be taken more than once. */
  take(language: string, containing: string): string {
    const found = this.#blocks.filter((block) => block.language === language && block.text.includes(containing));
    const [block] = found;
    if (block === undefined || found.length > 1)
      throw new Error(`${found.length} ${language} blocks have ${containing}`);
    block.isTaken = true;
    return this.adapt(block.text);
  }

  /** All blocks of this language that contain the text. */
  takeAll(language: string, containing: string): string[] {
    const found = this.#blocks.filter((block) => block.language === language && block.text.includes(containing));
    if (found.length === 0) throw new Error(`no ${language} block has ${containing}`);
    for (const block of found) block.isTaken = true;
    return found.map(({ text }) => this.adapt(text));
  }

  /** The blocks below a paragraph that begins with the name of their file, by that name. */
  files(): ReadonlyMap<string, string> {
    const named = this.#section.matchAll(/\n\n`([\w./-]+)`(?:[^\n]|\n(?!\n))*:\n\n```\w+\n([^]+?)```/g);
    return new Map(
      [...named].map(([, file = '', text = '']) => {
        for (const block of this.#blocks) if (block.text === text) block.isTaken = true;
        return [file, this.adapt(text)];
      }),
    );
  }

  /** The whole section. */
  text(): string {
    return this.adapt(this.#section);
  }

  /** The blocks that nobody has taken. */
  untaken(): string[] {
    return this.#blocks.filter(({ isTaken }) => !isTaken).map(({ text }) => text);
  }
}
