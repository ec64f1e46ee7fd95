import { readFileSync, writeFileSync } from 'node:fs';
import {
  caveatsOf,
  formatEstimate,
  formatMedian,
  formatNumber,
  tooFewRoundsNote,
  verdict,
  type Measured,
  type Result,
  type Table,
} from './results.ts';
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
      const { name, unit, most, saturated } = each;
      const value = `${formatEstimate(each)}${unit === 'ratio' ? '' : ` ${unit}`}`;
      const target = most === undefined ? '' : `≤ ${most}: ${verdict(each)}`;
      return `| ${scenario} | ${name} | ${value} | ${saturated === undefined ? '' : formatNumber(saturated.median)} | ${target} |`;
    }),
  );
  const servers = results.flatMap((result) => serverRows(result));
  const { rounds = 0, seconds = 0 } = results[0]?.effort ?? {};
  return `
${measuredAt.slice(0, 10)}, ${rounds} rounds of ${seconds} s. ${tooFewRoundsNote(rounds)}${machine}.
${Object.entries(versions)
  .map(([name, version]) => `${name} ${version}`)
  .join(', ')}.

| scenario | measure | median [95 % interval] | saturated | target |
|---|---|---|---|---|
${rows.join('\n')}

| scenario | server | CPU µs/request | p99 ms | saturated: CPU µs/request | requests/s | generator | |
|---|---|---|---|---|---|---|---|
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
      formatMedian(measured.saturatedCpuMicroseconds),
      formatMedian(measured.requestsPerSecond),
      `${Math.round(Math.max(...measured.generatorShare) * 100)} %`,
      caveatsOf(measured),
      '',
    ]
      .join(' | ')
      .trim(),
  );
}
