import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Effort } from './harness.ts';
import { machineInfo, type MachineInfo } from './machine-info.ts';
import { estimate, quantile, type Estimate } from './statistics.ts';
import { targetOf } from './targets.ts';
import { UsageError } from './usage-error.ts';

/** One server's measurements: one value for each process, the median of its rounds. */
export interface Measured {
  /** CPU per answered request at the equal rate. */
  readonly cpuMicroseconds: number[];
  readonly p99Milliseconds: number[];
  /** At saturation. */
  readonly saturatedCpuMicroseconds: number[];
  readonly requestsPerSecond: number[];
  /** Largest part of a core that the generator used, at saturation. */
  readonly generatorShare: number[];
  /** Cores that the server used, at saturation; not in tables from before 29 November 2026. */
  readonly serverShare?: number[];
  /** Every measurement of each process; not in tables from before 29 November 2026. */
  readonly rounds?: CpuOfProcess[];
  /** The smallest part of the offered rate that the server answered in a round. */
  keptUp: number;
}

/** CPU per request in each round of one process. */
export interface CpuOfProcess {
  readonly cpuMicroseconds: readonly number[];
  readonly saturatedCpuMicroseconds: readonly number[];
}

/** A named figure, with one value for each process, or for each round of a scenario that has none. */
export interface Measure extends Estimate {
  readonly name: string;
  /** `ratio`, or the unit of the values. */
  readonly unit: string;
  readonly values: readonly number[];
  /** The target: the largest median that reaches it. */
  readonly most?: number | undefined;
  /** The smallest median that reaches it, where it has two bounds. */
  readonly least?: number | undefined;
  /** The same with all servers saturated. */
  readonly saturated?: Estimate | undefined;
  readonly saturatedMost?: number | undefined;
}

export interface Result {
  readonly scenario: string;
  readonly about: string;
  readonly effort: Effort;
  readonly servers: Readonly<Record<string, Measured>>;
  readonly measures: readonly Measure[];
  /** What a scenario read at intervals, for those that judge a course of time. */
  readonly samples?: readonly object[];
}

/** The JSON file of a run. */
export interface Table extends MachineInfo {
  readonly measuredAt: string;
  readonly results: readonly Result[];
}

/** @throws Error when a value is not finite, for example after a division by zero */
export function measure(scenario: string, name: string, unit: string, values: readonly number[]): Measure {
  if (!values.every(Number.isFinite)) throw new Error(`${scenario}: ${name} was ${values.join(', ')}`);
  const { most, least } = targetOf(scenario, name) ?? {};
  return { name, unit, values, ...estimate(values), most, least };
}

type Servers = Readonly<Record<string, Measured>>;

interface ComputedFigure {
  readonly name: string;
  /** `ratio`, or the unit of the values. */
  readonly unit: string;
  /** Servers whose CPU per request the figure is computed from. */
  readonly of: readonly string[];
  /** Is given the CPU of the servers in one round. */
  readonly compute: (...cpuMicroseconds: number[]) => number;
}

/**
 * A figure that is computed within each round, at the equal rate and at saturation; a value is the median of the rounds
 * of the processes that were measured together.
 * @throws Error when a value is not finite
 */
export function computed(scenario: string, servers: Servers, { name, unit, of, compute }: ComputedFigure): Measure {
  const at = (member: keyof CpuOfProcess): Measure => {
    const rounds = of.map((server) => servers[server]?.rounds ?? []);
    const values = (rounds[0] ?? []).map((first, process) => {
      const cpu = rounds.map((ofServer) => ofServer[process]?.[member] ?? []);
      const figures = first[member].map((_, round) =>
        compute(...cpu.map((ofProcess) => ofProcess[round] ?? Number.NaN)),
      );
      if (!figures.every(Number.isFinite)) throw new Error(`${scenario}: ${name} was ${figures.join(', ')}`);
      return quantile(figures, 0.5);
    });
    return measure(scenario, name, unit, values);
  };
  const { median, low, high } = at('saturatedCpuMicroseconds');
  return {
    ...at('cpuMicroseconds'),
    saturated: { median, low, high },
    saturatedMost: targetOf(scenario, name)?.saturated,
  };
}

/** The ratio of two servers' CPU per request. @throws Error when a value is not finite */
export function ratio(scenario: string, servers: Servers, [one, other]: readonly [string, string]): Measure {
  return computed(scenario, servers, { name: `${one} / ${other}`, unit: 'ratio', of: [one, other], compute: quotient });
}

const quotient = (cpu: number, ofOther: number): number => cpu / ofOther;

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
