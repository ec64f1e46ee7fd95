import type { Result } from './results.ts';

const RATIO = /^(.+), most users \/ fewest$/;
const SIZED = /^([\d,]+) users: (.+)$/;

/** What {@link Result} of `growth` says, as the Markdown tables of `docs/performance.md`. */
export function growthTables({ measures }: Result): string {
  const medians = new Map(measures.map(({ name, median }) => [name, median]));
  const sizes = [...new Set(measures.flatMap(({ name }) => SIZED.exec(name)?.[1] ?? []))];
  const atEach = (figure: string): string[] => sizes.map((size) => short(medians.get(`${size} users: ${figure}`)));
  const names = measures.flatMap(({ name }) => RATIO.exec(name)?.[1] ?? []);
  const statements = names.map((name) => [
    name,
    ...atEach(name),
    (medians.get(`${name}, most users / fewest`) ?? Number.NaN).toFixed(2),
    ...atEach(`${name}, time`),
  ]);
  const others = measures.flatMap(({ name, unit }) => {
    const [, size, figure = ''] = SIZED.exec(name) ?? [];
    const isOther = size === sizes[0] && !names.some((each) => figure === each || figure === `${each}, time`);
    return isOther ? [[`${figure} (${unit})`, ...atEach(figure)]] : [];
  });
  const users = sizes.map((size) => `${size} users`);
  return [
    ...table(
      [
        'statement',
        ...users.map((each) => `buffers, ${each}`),
        'most / fewest',
        ...users.map((each) => `time, ${each}`),
      ],
      statements,
    ),
    '',
    ...table(['', ...users], others),
  ].join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

/** Three digits. */
function short(value = Number.NaN): string {
  return Number(value.toPrecision(3)).toLocaleString('en', { maximumFractionDigits: 3 });
}
