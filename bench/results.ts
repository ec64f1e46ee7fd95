import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Effort } from './harness.ts';
import { machineInfo, type MachineInfo } from './machine-info.ts';
import { estimate, quantile, type Estimate } from './statistics.ts';
import { targetOf } from './targets.ts';
import { UsageError } from './usage-error.ts';

/** One server's measurements, one value for each round. */
export interface Measured {
  /** CPU per answered request at the equal rate. */
  readonly cpuMicroseconds: number[];
  readonly p99Milliseconds: number[];
  /** At saturation. */
  readonly saturatedCpuMicroseconds: number[];
  readonly requestsPerSecond: number[];
  readonly generatorShare: number[];
  /** The smallest part of the offered rate that the server answered in a round. */
  keptUp: number;
}

/** A named figure, with one value for each round. */
export interface Measure extends Estimate {
  readonly name: string;
  /** `ratio`, or the unit of the values. */
  readonly unit: string;
  readonly values: readonly number[];
  /** The target: the largest median that reaches it. */
  readonly most?: number | undefined;
  /** The same ratio with both servers saturated. */
  readonly saturated?: Estimate | undefined;
}

export interface Result {
  readonly scenario: string;
  readonly about: string;
  readonly effort: Effort;
  readonly servers: Readonly<Record<string, Measured>>;
  readonly measures: readonly Measure[];
}

/** The JSON file of a run. */
export interface Table extends MachineInfo {
  readonly measuredAt: string;
  readonly results: readonly Result[];
}

/** Above this share of its core, the generator may have limited the requests per second, not the server. */
export const USABLE_GENERATOR_SHARE = 0.9;
/** Below this part of the offered rate, the server did not keep up. */
const MIN_KEPT_UP = 0.95;

/** @throws Error when a value is not finite, for example after a division by zero */
export function measure(scenario: string, name: string, unit: string, values: readonly number[]): Measure {
  if (!values.every(Number.isFinite)) throw new Error(`${scenario}: ${name} was ${values.join(', ')}`);
  return { name, unit, values, ...estimate(values), most: targetOf(scenario, name) };
}

/** The ratio of two servers' CPU per request, within each round. @throws Error when a value is not finite */
export function ratio(
  scenario: string,
  servers: Readonly<Record<string, Measured>>,
  [one, other]: readonly [string, string],
): Measure {
  const over = (member: 'cpuMicroseconds' | 'saturatedCpuMicroseconds'): Measure => {
    const values = (servers[one]?.[member] ?? []).map((cpu, round) => cpu / (servers[other]?.[member][round] ?? 0));
    return measure(scenario, `${one} / ${other}`, 'ratio', values);
  };
  const { median, low, high } = over('saturatedCpuMicroseconds');
  return { ...over('cpuMicroseconds'), saturated: { median, low, high } };
}

export function verdict({ median, most }: Measure): 'reached' | 'not reached' | '' {
  if (most === undefined) return '';
  return median <= most ? 'reached' : 'not reached';
}

/** Reasons to doubt a server's figures; empty without any. */
export function caveatsOf({ generatorShare, keptUp }: Measured): string {
  return [
    Math.max(...generatorShare) > USABLE_GENERATOR_SHARE ? 'requests/s not usable: the generator was at its limit' : '',
    keptUp < MIN_KEPT_UP ? `answered only ${Math.round(keptUp * 100)} % of the offered rate` : '',
  ]
    .filter(Boolean)
    .join('; ');
}

export function formatNumber(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** `median [low, high]`; only the median when the interval is empty. */
export function formatEstimate(estimated: Estimate): string {
  if (estimated.low === estimated.high) return formatNumber(estimated.median);
  return `${formatNumber(estimated.median)} [${formatNumber(estimated.low)}, ${formatNumber(estimated.high)}]`;
}

export function printResult(result: Result): void {
  const { scenario, about, effort, servers, measures } = result;
  console.log(`\n${scenario}: ${about}`);
  console.log(
    `${effort.rounds} rounds of ${effort.seconds} s at ${effort.rate}/s, then saturated; median [95 % interval]`,
  );
  for (const [name, measured] of Object.entries(servers)) {
    const cpu = `CPU µs/request ${formatEstimate(estimate(measured.cpuMicroseconds))}, saturated ${formatNumber(quantile(measured.saturatedCpuMicroseconds, 0.5))}`;
    const pace = `requests/s ${formatEstimate(estimate(measured.requestsPerSecond))}`;
    const share = `generator ${Math.round(Math.max(...measured.generatorShare) * 100)} %`;
    console.log(`  ${name.padEnd(26)} ${cpu.padEnd(40)} ${pace.padEnd(36)} ${share}  ${caveatsOf(measured)}`);
  }
  for (const each of measures) {
    const unit = each.unit === 'ratio' ? '' : ` ${each.unit}`;
    const saturated = each.saturated === undefined ? '' : `saturated ${formatNumber(each.saturated.median)}`;
    const target = each.most === undefined ? '' : `target ${each.most}: ${verdict(each)}`;
    console.log(
      `  ${each.name.padEnd(44)} ${`${formatEstimate(each)}${unit}`.padEnd(28)} ${saturated.padEnd(16)} ${target}`.trimEnd(),
    );
  }
}

export function writeResults(file: string, results: readonly Result[]): void {
  mkdirSync('bench/results', { recursive: true });
  const table: Table = { measuredAt: new Date().toISOString(), ...machineInfo(), results };
  writeFileSync(file, `${JSON.stringify(table, rounded, 1)}\n`);
}

function rounded(_name: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(5)) : value;
}

/** @throws {UsageError} when the file was not written by {@link writeResults}. */
export function readResults(file: string): Table {
  if (!existsSync(file)) {
    throw new UsageError(`There is no file ${file}: give one that a run wrote. Each names its own in its last line.`);
  }
  const table = parseTable(readFileSync(file, 'utf8'));
  if (!Array.isArray(table?.results)) {
    throw new UsageError(`${file} is not a result file of the benchmark: give one that a run wrote.`);
  }
  return table as Table;
}

function parseTable(text: string): Partial<Table> | undefined {
  try {
    return JSON.parse(text) as Partial<Table>;
  } catch {
    return undefined;
  }
}

/** The median of the values, without its interval. */
export function formatMedian(values: readonly number[]): string {
  return formatNumber(quantile(values, 0.5));
}

const ROUNDS_NEEDED = 20;

/** A warning for results of too few rounds; empty otherwise. */
export function tooFewRoundsNote(rounds: number): string {
  return rounds < ROUNDS_NEEDED ? `Too few to judge by: a judgement takes ${ROUNDS_NEEDED}. ` : '';
}
