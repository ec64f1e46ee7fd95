import type { Effort } from './harness.ts';
import type { Measure, Measured, Result } from './results.ts';
import { estimate, quantile, type Estimate } from './statistics.ts';

/** Above this share of its core, the generator may have limited the requests per second, not the server. */
const USABLE_GENERATOR_SHARE = 0.9;
/** Below this part of a core, the server was not saturated. */
const MIN_SERVER_SHARE = 0.9;
/** Below this part of the offered rate, the server did not keep up. */
const MIN_KEPT_UP = 0.95;
const PROCESSES_NEEDED = 3;
const ROUNDS_NEEDED = 5;
/** Of one process, in tables from before 29 November 2026. */
const ROUNDS_NEEDED_OF_ONE = 20;

export type Verdict = 'reached' | 'not reached' | '';

/** Whether the median at the equal rate reaches the target; empty without one. */
export function verdict({ median, most, least = -Infinity }: Measure): Verdict {
  if (most === undefined) return '';
  return median <= most && median >= least ? 'reached' : 'not reached';
}

/** The same for the median at saturation. */
export function saturatedVerdict({ saturated, saturatedMost }: Measure): Verdict {
  if (saturated === undefined || saturatedMost === undefined) return '';
  return saturated.median <= saturatedMost ? 'reached' : 'not reached';
}

/** The targets of a measure and whether they are reached, such as `≤ 1.15: reached; saturated ≤ 1.3: not reached`. */
export function formatTargets(measured: Measure): string {
  const { most, least, saturatedMost } = measured;
  const bounds = least === undefined ? `≤ ${most}` : `${least} to ${most}`;
  return [
    most === undefined ? '' : `${bounds}: ${verdict(measured)}`,
    saturatedMost === undefined ? '' : `saturated ≤ ${saturatedMost}: ${saturatedVerdict(measured)}`,
  ]
    .filter(Boolean)
    .join('; ');
}

/** Reasons to doubt a server's figures; empty without any. */
export function caveatsOf({ generatorShare, serverShare, keptUp }: Measured): string {
  const cores = Math.min(...(serverShare ?? [1]));
  return [
    serverShare === undefined && Math.max(...generatorShare) > USABLE_GENERATOR_SHARE
      ? 'requests/s not usable: the generator was at its limit'
      : '',
    cores < MIN_SERVER_SHARE ? `not saturated: it used ${Math.round(cores * 100)} % of a core` : '',
    keptUp < MIN_KEPT_UP ? `answered only ${Math.round(keptUp * 100)} % of the offered rate` : '',
  ]
    .filter(Boolean)
    .join('; ');
}

export function formatNumber(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

/** `median [low, high]`; only the median when the interval is empty. */
export function formatEstimate({ median, low, high }: Estimate): string {
  if (low === high) return formatNumber(median);
  return `${formatNumber(median)} [${formatNumber(low)}, ${formatNumber(high)}]`;
}

/** The median of the values, without its interval. */
export function formatMedian(values: readonly number[]): string {
  return formatNumber(quantile(values, 0.5));
}

export function formatShare(shares: readonly number[] = []): string {
  return shares.length === 0 ? '' : `${Math.round(quantile(shares, 0.5) * 100)} %`;
}

/** Such as `3 processes of each server, 5 rounds of 1 s`. */
export function formatEffort({ processes, rounds, seconds }: Partial<Effort>): string {
  const ofEach = `${rounds} round${rounds === 1 ? '' : 's'} of ${seconds} s`;
  if (processes === undefined) return ofEach;
  return `${processes} process${processes === 1 ? '' : 'es'} of each server, ${ofEach}`;
}

/** A warning for results of too few processes or rounds; empty otherwise. */
export function tooFewNote({ processes, rounds = 0 }: Partial<Effort>): string {
  if (processes === undefined)
    return rounds < ROUNDS_NEEDED_OF_ONE ? `Too few to judge by: a judgement takes ${ROUNDS_NEEDED_OF_ONE}. ` : '';
  if (processes >= PROCESSES_NEEDED && rounds >= ROUNDS_NEEDED) return '';
  return `Too few to judge by: a judgement takes ${PROCESSES_NEEDED} processes and ${ROUNDS_NEEDED} rounds. `;
}

export function printResult({ scenario, about, effort, servers, measures }: Result): void {
  console.log(`\n${scenario}: ${about}`);
  const load = Object.keys(servers).length === 0 ? '' : ` at ${effort.rate}/s, then saturated`;
  console.log(`${formatEffort(effort)}${load}; median [95 % interval]`);
  for (const [name, measured] of Object.entries(servers)) {
    const cpu = `CPU µs/request ${formatEstimate(estimate(measured.cpuMicroseconds))}`;
    const saturated = `saturated ${formatEstimate(estimate(measured.saturatedCpuMicroseconds))}`;
    const pace = `requests/s ${formatMedian(measured.requestsPerSecond)}`;
    const share = `server ${formatShare(measured.serverShare)}, generator ${formatShare(measured.generatorShare)}`;
    console.log(
      `  ${name.padEnd(32)} ${cpu.padEnd(33)} ${saturated.padEnd(30)} ${pace.padEnd(18)} ${share}  ${caveatsOf(measured)}`.trimEnd(),
    );
  }
  for (const each of measures) {
    const unit = each.unit === 'ratio' ? '' : ` ${each.unit}`;
    const saturated = each.saturated === undefined ? '' : `saturated ${formatEstimate(each.saturated)}`;
    const targets = formatTargets(each);
    console.log(
      `  ${each.name.padEnd(52)} ${`${formatEstimate(each)}${unit}`.padEnd(28)} ${saturated.padEnd(30)} ${targets === '' ? '' : `target ${targets}`}`.trimEnd(),
    );
  }
}
