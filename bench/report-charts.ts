import { caveatsOf, formatMedian, formatNumber, saturatedVerdict, verdict } from './format-results.ts';
import type { Measure, Result } from './results.ts';
import { estimate } from './statistics.ts';

export interface Bar {
  readonly label: string;
  /** The label beside the bar. */
  readonly text: string;
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** One for each process. */
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

export const COLOURS = { reached: '#2f8f5b', 'not reached': '#d98324', '': '#6b8fb8' };
const OURS = /^guarded|^builder|^200$|^ES256$|^log |revocations$/;

export function targetsChart(results: readonly Result[]): Chart {
  const bars = results.flatMap(({ scenario, measures }) =>
    measures
      .filter(({ unit, most }) => unit === 'ratio' && most !== undefined)
      .flatMap((measure) => targetBars(measure, `${scenario}: ${measure.name}`)),
  );
  return { bars, unit: 'ratio of CPU per request', reference: 1, width: 1000, labelWidth: 340 };
}

/** The group that a measure in microseconds is a part of: `guarded` in `guarded: Nest`. */
export function groupOf({ name, unit }: Measure): string {
  return unit === 'µs' ? (/^(.+): /.exec(name)?.[1] ?? '') : '';
}

export function groupChart(group: string, members: readonly Measure[]): Chart {
  const bars = members.map((each) => {
    const label = each.name.slice(group.length + 2);
    const colour = label.startsWith('Gatehouse') ? '#31597f' : '#a9bdd1';
    const { median, low, high, values, saturated } = each;
    const text = `${formatNumber(median)} µs`;
    return { label, text, median, low, high, values, colour, saturated: saturated?.median };
  });
  return { bars, unit: `${group}: µs per request`, width: 520, labelWidth: 215 };
}

export function ratioBar(measure: Measure, label: string): Bar {
  const { median, low, high, values, most, saturated } = measure;
  const text = most === undefined ? formatNumber(median) : `${formatNumber(median)}, target ${most}`;
  const colour = COLOURS[verdict(measure)];
  return { label, text, median, low, high, values, colour, target: most, saturated: saturated?.median };
}

/** The ratio, and another bar at saturation where it has another target. */
function targetBars(measure: Measure, label: string): Bar[] {
  const bars = [ratioBar(measure, label)];
  const { saturated, saturatedMost } = measure;
  if (saturated !== undefined && saturatedMost !== undefined) {
    const text = `${formatNumber(saturated.median)}, target ${saturatedMost}`;
    const colour = COLOURS[saturatedVerdict(measure)];
    bars.push({ ...saturated, label: `${label}, saturated`, text, values: [], colour, target: saturatedMost });
  }
  return bars;
}

export function cpuChart(servers: Result['servers']): Chart {
  const bars = Object.entries(servers).map(([label, { cpuMicroseconds }]) =>
    serverBar(label, cpuMicroseconds, `${formatMedian(cpuMicroseconds)} µs`),
  );
  return { bars, unit: 'CPU µs per request at the equal rate', width: 520, labelWidth: 170 };
}

export function paceChart(servers: Result['servers']): Chart {
  const bars = Object.entries(servers).map(([label, measured]) => {
    const isDoubtful = caveatsOf(measured) !== '';
    const text = `${formatMedian(measured.requestsPerSecond)}${isDoubtful ? ' *' : ''}`;
    return serverBar(label, measured.requestsPerSecond, text, isDoubtful);
  });
  return { bars, unit: 'requests/s, saturated', width: 520, labelWidth: 170 };
}

function serverBar(label: string, values: readonly number[], text: string, isDoubtful = false): Bar {
  const colour = OURS.test(label) ? '#31597f' : '#a9bdd1';
  return { label, text, values, ...estimate(values), colour, isDoubtful };
}
