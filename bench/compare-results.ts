import { formatEstimate, formatNumber } from './format-results.ts';
import { readResults, type Measure, type Table } from './results.ts';
import { estimateChange } from './statistics.ts';

/** Prints the changes of each measure between two result files. */
export function compareResults(before: string, after: string): void {
  const tables = [readResults(before), readResults(after)] as const;
  for (const { measuredAt, machine, versions } of tables) {
    console.log(`${measuredAt}  gatehouse ${versions['gatehouse']}, Node ${versions['Node']}  ${machine}`);
  }
  if (tables[0].machine !== tables[1].machine) console.log('Not the same machine: only the ratios may be compared.');
  const olds = measuresOf(tables[0]);
  console.log('\nmedians before and after; after / before [95 % interval]; * where the interval excludes 1');
  for (const [name, now] of measuresOf(tables[1])) {
    const then = olds.get(name);
    if (then === undefined) continue;
    const change = estimateChange(then.values, now.values);
    const mark = change.low > 1 || change.high < 1 ? ' *' : '';
    const medians = `${formatNumber(then.median)} -> ${formatNumber(now.median)}`;
    const times = Object.values(change).every(Number.isFinite)
      ? `${formatEstimate(change)}${mark}`
      : 'no ratio: 0 before';
    console.log(`${name.padEnd(58)} ${medians.padEnd(20)} ${times}`);
  }
}

function measuresOf({ results }: Table): ReadonlyMap<string, Measure> {
  return new Map(
    results.flatMap(({ scenario, measures }) => measures.map((each) => [`${scenario}: ${each.name}`, each] as const)),
  );
}
