import { writeFileSync } from 'node:fs';
import {
  caveatsOf,
  formatEffort,
  formatEstimate,
  formatNumber,
  formatTargets,
  saturatedVerdict,
  tooFewNote,
  verdict,
} from './format-results.ts';
import { installPackages } from './install-packages.ts';
import { cpuChart, groupChart, groupOf, paceChart, ratioBar, targetsChart, type Chart } from './report-charts.ts';
import { HOW_TO_READ, LEGEND, STYLE } from './report-text.ts';
import type { Measure, Measured, Result, Table } from './results.ts';

/** Imported at run time: the chart library is installed by the first report. */
type Plot = (chart: Chart) => string;

const REPORT_FILE = 'bench/report.html';

/** Writes the report as one HTML file without external resources. */
export async function writeReport(table: Table, file = REPORT_FILE): Promise<void> {
  installPackages('bench/charts');
  const { plot } = (await import(new URL('charts/charts.ts', import.meta.url).href)) as { plot: Plot };
  writeFileSync(file, page(table, plot));
  console.log(file);
}

function page(table: Table, plot: Plot): string {
  const { measuredAt, machine, versions, results } = table;
  const { effort = {} } = results[0] ?? {};
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gatehouse: what a guarded route costs</title>
<style>${STYLE}</style>
<header>
<h1>What a guarded route costs</h1>
<p class="lead">${headline(results)}</p>
<p class="facts">${escaped(measuredAt.slice(0, 10))} · ${formatEffort(effort)} · ${tooFewNote(effort)}${escaped(machine)} · Node ${escaped(versions['Node'] ?? '')}</p>
</header>
<main>
<section>
<h2>Against the targets</h2>
<p>CPU time of one server over CPU time of the other, for each answered request at one equal offered rate. Shorter is better;
at the dashed line both cost the same. ${LEGEND}</p>
${plot(targetsChart(results))}
</section>
${results.map((result) => section(result, plot)).join('\n')}
<section>
<h2>How to read it</h2>
${HOW_TO_READ}
<h3>Versions</h3>
<p class="facts">${Object.entries(versions)
    .map(([name, version]) => escaped(`${name} ${version}`))
    .join(' · ')}</p>
</section>
</main>
</html>
`;
}

function headline(results: readonly Result[]): string {
  const verdicts = results
    .flatMap(({ measures }) => measures)
    .flatMap((each) => [verdict(each), saturatedVerdict(each)])
    .filter((each) => each !== '');
  const reached = verdicts.filter((each) => each === 'reached').length;
  const guard = results.find(({ scenario }) => scenario === 'guard')?.measures[0];
  const cost =
    guard === undefined
      ? ''
      : `Guarded, a route takes <b>${formatNumber(guard.median)}</b> times the CPU it takes unguarded. `;
  return `${cost}<b>${reached}</b> of ${verdicts.length} targets reached.`;
}

function section(result: Result, plot: Plot): string {
  const { scenario, about, effort, servers, measures } = result;
  const ratios = measures.filter(({ unit }) => unit === 'ratio');
  const groups = Object.entries(Object.groupBy(measures, groupOf)).filter(([group]) => group !== '');
  const others = measures.filter((each) => each.unit !== 'ratio' && groupOf(each) === '');
  const parts = [`<h2>${escaped(scenario)}</h2>`, `<p>${escaped(about.charAt(0).toUpperCase() + about.slice(1))}.</p>`];
  if (Object.keys(servers).length > 0) {
    parts.push(
      `<div class="pair">${plot(cpuChart(servers))}${plot(paceChart(servers))}</div>`,
      `<p class="facts">${formatEffort(effort)} at ${effort.rate} requests/s, then the same time saturated.</p>`,
      ...Object.entries(servers).map(([name, measured]) => doubtLine(name, measured)),
    );
  }
  if (ratios.length > 0) {
    const chart = { bars: ratios.map((each) => ratioBar(each, each.name)), unit: 'ratio of CPU per request' };
    parts.push(plot({ ...chart, reference: 1, width: 1000, labelWidth: 390 }));
  }
  if (groups.length > 0) {
    const charts = groups.map(([group, members = []]) => plot(groupChart(group, members)));
    parts.push(`<div class="pair">${charts.join('')}</div>`);
  }
  if (others.length > 0) parts.push(figures(others));
  return `<section id="${escaped(scenario)}">\n${parts.join('\n')}\n</section>`;
}

function doubtLine(name: string, measured: Measured): string {
  const doubt = caveatsOf(measured);
  return doubt === '' ? '' : `<p class="facts">* ${escaped(name)}: ${doubt}.</p>`;
}

function figures(measures: readonly Measure[]): string {
  const rows = measures.map((each) => {
    const { name, unit } = each;
    const target = escaped(formatTargets(each));
    return `<tr><td>${escaped(name)}<td class="number">${formatEstimate(each)}<td>${escaped(unit)}<td>${target}`;
  });
  return `<table>${rows.join('\n')}</table>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
