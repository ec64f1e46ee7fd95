import { writeFileSync } from 'node:fs';
import { installPackages } from './install-packages.ts';
import {
  formatNumber,
  tooFewRoundsNote,
  caveatsOf,
  verdict,
  formatEstimate,
  formatMedian,
  type Measure,
  type Measured,
  type Result,
  type Table,
} from './results.ts';
import { estimate } from './statistics.ts';

export interface Bar {
  readonly label: string;
  /** The label beside the bar. */
  readonly text: string;
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** One for each round. */
  readonly values: readonly number[];
  readonly colour: string;
  readonly target?: number | undefined;
  readonly saturated?: number | undefined;
  /** Drawn faintly. */
  readonly isDoubtful?: boolean;
}

export interface Chart {
  readonly bars: readonly Bar[];
  readonly unit: string;
  /** A value with a line through all bars. */
  readonly reference?: number;
  readonly width: number;
  readonly labelWidth: number;
}

/** Imported at run time: the chart library is installed by the first report. */
type Plot = (chart: Chart) => string;

const REPORT_FILE = 'bench/report.html';
const COLOURS = { reached: '#2f8f5b', 'not reached': '#d98324', '': '#6b8fb8' };
const OURS = /^guarded|^200$|^ES256$|^log |revocations$/;

/** Writes the report as one HTML file without external resources. */
export async function writeReport(table: Table, file = REPORT_FILE): Promise<void> {
  installPackages('bench/charts');
  const { plot } = (await import(new URL('charts/charts.ts', import.meta.url).href)) as { plot: Plot };
  writeFileSync(file, page(table, plot));
  console.log(file);
}

function page(table: Table, plot: Plot): string {
  const { measuredAt, machine, versions, results } = table;
  const { rounds = 0 } = results[0]?.effort ?? {};
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gatehouse: what a guarded route costs</title>
<style>${STYLE}</style>
<header>
<h1>What a guarded route costs</h1>
<p class="lead">${headline(results)}</p>
<p class="facts">${escaped(measuredAt.slice(0, 10))} · ${rounds} rounds · ${tooFewRoundsNote(rounds)}${escaped(machine)} · Node ${escaped(versions['Node'] ?? '')}</p>
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
  const targets = results.flatMap(({ measures }) => measures).filter(({ most }) => most !== undefined);
  const reached = targets.filter((each) => verdict(each) === 'reached').length;
  const guard = results.find(({ scenario }) => scenario === 'guard')?.measures[0];
  const cost =
    guard === undefined
      ? ''
      : `Guarded, a route takes <b>${formatNumber(guard.median)}</b> times the CPU it takes unguarded. `;
  return `${cost}<b>${reached}</b> of ${targets.length} targets reached.`;
}

function targetsChart(results: readonly Result[]): Chart {
  const bars = results.flatMap(({ scenario, measures }) =>
    measures
      .filter(({ unit, most }) => unit === 'ratio' && most !== undefined)
      .map((measure) => ratioBar(measure, `${scenario}: ${measure.name}`)),
  );
  return { bars, unit: 'ratio of CPU per request', reference: 1, width: 1000, labelWidth: 340 };
}

function section(result: Result, plot: Plot): string {
  const { scenario, about, effort, servers, measures } = result;
  const ratios = measures.filter(({ unit }) => unit === 'ratio');
  const groups = Object.entries(Object.groupBy(measures, groupOf)).filter(([group]) => group !== '');
  const others = measures.filter((each) => each.unit !== 'ratio' && groupOf(each) === '');
  const parts = [`<h2>${escaped(scenario)}</h2>`, `<p>${escaped(about.charAt(0).toUpperCase() + about.slice(1))}.</p>`];
  if (Object.keys(servers).length > 0) {
    const { rounds, seconds, rate } = effort;
    parts.push(
      `<div class="pair">${plot(cpuChart(servers))}${plot(paceChart(servers))}</div>`,
      `<p class="facts">${rounds} rounds; in each, ${seconds} s at ${rate} requests/s, then ${seconds} s saturated.</p>`,
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

/** The group that a measure in microseconds is a part of: `guarded` in `guarded: Nest`. */
function groupOf({ name, unit }: Measure): string {
  return unit === 'µs' ? (/^(.+): /.exec(name)?.[1] ?? '') : '';
}

function groupChart(group: string, members: readonly Measure[]): Chart {
  const bars = members.map((each) => {
    const label = each.name.slice(group.length + 2);
    const colour = label.startsWith('Gatehouse') ? '#31597f' : '#a9bdd1';
    const { median, low, high, values } = each;
    return { label, text: `${formatNumber(median)} µs`, median, low, high, values, colour };
  });
  return { bars, unit: `${group}: µs per request`, width: 520, labelWidth: 215 };
}

function ratioBar(measure: Measure, label: string): Bar {
  const { median, low, high, values, most, saturated } = measure;
  const text = most === undefined ? formatNumber(median) : `${formatNumber(median)}, target ${most}`;
  const colour = COLOURS[verdict(measure)];
  return { label, text, median, low, high, values, colour, target: most, saturated: saturated?.median };
}

function cpuChart(servers: Result['servers']): Chart {
  const bars = Object.entries(servers).map(([label, { cpuMicroseconds }]) =>
    serverBar(label, cpuMicroseconds, `${formatMedian(cpuMicroseconds)} µs`),
  );
  return { bars, unit: 'CPU µs per request at the equal rate', width: 520, labelWidth: 170 };
}

function paceChart(servers: Result['servers']): Chart {
  const bars = Object.entries(servers).map(([label, measured]) => {
    const isDoubtful = caveatsOf(measured) !== '';
    const text = `${formatMedian(measured.requestsPerSecond)}${isDoubtful ? ' *' : ''}`;
    return serverBar(label, measured.requestsPerSecond, text, isDoubtful);
  });
  return { bars, unit: 'requests/s, saturated', width: 520, labelWidth: 170 };
}

function doubtLine(name: string, measured: Measured): string {
  const doubt = caveatsOf(measured);
  return doubt === '' ? '' : `<p class="facts">* ${escaped(name)}: ${doubt}.</p>`;
}

function serverBar(label: string, values: readonly number[], text: string, isDoubtful = false): Bar {
  const colour = OURS.test(label) ? '#31597f' : '#a9bdd1';
  return { label, text, values, ...estimate(values), colour, isDoubtful };
}

function figures(measures: readonly Measure[]): string {
  const rows = measures.map((each) => {
    const { name, unit, most } = each;
    const target = most === undefined ? '' : `at most ${formatNumber(most)}: ${verdict(each)}`;
    return `<tr><td>${escaped(name)}<td class="number">${formatEstimate(each)}<td>${escaped(unit)}<td>${target}`;
  });
  return `<table>${rows.join('\n')}</table>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

const LEGEND = `<span class="key"><i style="background:${COLOURS.reached}"></i>reached
<i style="background:${COLOURS['not reached']}"></i>not reached <i class="tick"></i>target <i class="dot"></i>a round
<i class="whisker"></i>95 % interval of the median <i class="diamond"></i>the same ratio, both saturated</span>`;

const HOW_TO_READ = `<ul>
<li><b>Bars</b> are medians over the rounds, dots the rounds themselves, whiskers the 95 % bootstrap interval of the median.</li>
<li><b>CPU time</b> is user and system time of the server's process, all threads, over the requests it answered while all were
offered the same number per second, evenly spread. It does not depend on how busy the generator was.</li>
<li><b>Ratios</b> are taken within a round, in which all servers are measured in random order, and only then summed up.</li>
<li><b>Saturated</b> means 32 connections with a request always under way. A faint bar is not to be used: the generator was near its own
limit, or the server did not keep up with the equal rate.</li>
<li>The servers run on one core, the generator and PostgreSQL on another. Every answer is checked; one wrong one ends the run.</li>
</ul>`;

const STYLE = `
:root { color-scheme: light; --ink: #1c2733; --soft: #5a6876; }
body { margin: 0; background: #f4f6f8; color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
header, section { max-width: 1040px; margin: 0 auto; padding: 24px 32px; }
header { padding-top: 48px; }
section { background: #fff; border: 1px solid #e1e6eb; border-radius: 10px; margin-bottom: 24px; }
h1 { font-size: 40px; line-height: 1.1; margin: 0 0 12px; letter-spacing: -0.02em; }
h2 { font-size: 22px; margin: 0 0 4px; } h3 { font-size: 15px; margin: 20px 0 4px; color: var(--soft); }
.lead { font-size: 20px; margin: 0 0 8px; } .facts { color: var(--soft); font-size: 13px; }
p { margin: 4px 0 12px; } li { margin-bottom: 6px; } svg { width: 100%; height: auto; display: block; }
table { border-collapse: collapse; margin-top: 12px; } td { padding: 4px 20px 4px 0; border-top: 1px solid #e6eaee; }
.number { font-variant-numeric: tabular-nums; white-space: nowrap; text-align: right; }
.key { display: block; margin-top: 8px; font-size: 14px; color: var(--soft); }
.key i { display: inline-block; width: 14px; height: 12px; border-radius: 2px; margin: 0 6px 0 14px; vertical-align: -1px; }
.key i:first-child { margin-left: 0; } .key .tick { width: 3px; height: 16px; background: #b3261e; vertical-align: -3px; }
.key .dot { width: 5px; height: 5px; border-radius: 50%; border: 1px solid #1c2733; opacity: .6; vertical-align: 2px; }
.key .diamond { width: 7px; height: 7px; border: 1.5px solid #1c2733; border-radius: 0; transform: rotate(45deg); vertical-align: 1px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 8px; } .pair + .facts ~ .facts { margin: 0; }
@media (max-width: 800px) { .pair { grid-template-columns: 1fr; } header, section { padding: 16px; } h1 { font-size: 30px; } }
.key .whisker { height: 0; border-top: 2px solid #1c2733; width: 18px; border-radius: 0; vertical-align: 4px; }
`;
