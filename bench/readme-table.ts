import { readFileSync, writeFileSync } from 'node:fs';
import {
  caveatsOf,
  formatEffort,
  formatEstimate,
  formatMedian,
  formatShare,
  formatTargets,
  tooFewNote,
} from './format-results.ts';
import type { Measured, Result, Table } from './results.ts';
import { estimate } from './statistics.ts';

const README = 'bench/README.md';

/** Replaces the tables between the two markers of `README.md`. */
export function writeReadme(table: Table): void {
  const text = readFileSync(README, 'utf8');
  const changed = text.replace(/(<!-- table -->\n)[^]*(<!-- \/table -->)/, (_all, start: string, end: string) =>
    [start, readmeTables(table), end].join(''),
  );
  writeFileSync(README, changed);
  console.log(README);
}

/** The tables of `README.md`. */
export function readmeTables({ measuredAt, machine, versions, results }: Table): string {
  const rows = results.flatMap(({ scenario, measures }) =>
    measures.map((each) => {
      const { name, unit, saturated } = each;
      const value = `${formatEstimate(each)}${unit === 'ratio' ? '' : ` ${unit}`}`;
      return `| ${scenario} | ${name} | ${value} | ${saturated === undefined ? '' : formatEstimate(saturated)} | ${formatTargets(each)} |`;
    }),
  );
  const servers = results.flatMap((result) => serverRows(result));
  const { effort = {} } = results[0] ?? {};
  return `
${measuredAt.slice(0, 10)}, ${formatEffort(effort)}. ${tooFewNote(effort)}${machine}.
${Object.entries(versions)
  .map(([name, version]) => `${name} ${version}`)
  .join(', ')}.

| scenario | measure | median [95 % interval] | saturated | target |
|---|---|---|---|---|
${rows.join('\n')}

| scenario | server | CPU µs/request | p99 ms | saturated: CPU µs/request | requests/s | server | generator | |
|---|---|---|---|---|---|---|---|---|
${servers.join('\n')}

`;
}

function serverRows({ scenario, servers }: Result): string[] {
  return Object.entries(servers).map(([name, measured]: [string, Measured]) =>
    [
      '',
      scenario,
      name,
      formatEstimate(estimate(measured.cpuMicroseconds)),
      formatMedian(measured.p99Milliseconds),
      formatEstimate(estimate(measured.saturatedCpuMicroseconds)),
      formatMedian(measured.requestsPerSecond),
      formatShare(measured.serverShare),
      formatShare(measured.generatorShare),
      caveatsOf(measured),
      '',
    ]
      .join(' | ')
      .trim(),
  );
}
