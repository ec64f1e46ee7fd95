import { parseArgs, type ParseArgsConfig } from 'node:util';
import { compareResults } from './compare-results.ts';
import { printResult } from './format-results.ts';
import type { Effort } from './harness.ts';
import { writeReport } from './html-report.ts';
import { printMachineInfo } from './machine-info.ts';
import { writeReadme } from './readme-table.ts';
import { readResults, writeResults, type Result } from './results.ts';
import { DEFAULT_EFFORT, QUICK_SCENARIOS, SCENARIOS, type Scenario } from './scenarios.ts';
import { UsageError } from './usage-error.ts';

const TABLE_FILE = 'bench/results/table.json';

const ARGUMENTS = {
  allowPositionals: true,
  options: {
    full: { type: 'boolean', default: false },
    processes: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    rate: { type: 'string' },
  },
} satisfies ParseArgsConfig;

type Values = ReturnType<typeof parseArgs<typeof ARGUMENTS>>['values'];

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values, positionals } = parseCommandLine();
  const [command = '', ...operands] = positionals;
  if (command === 'compare') compare(operands);
  else if (command === 'report') await writeReport(readResults(operands[0] ?? TABLE_FILE), operands[1]);
  else if (values.full) await runFull(values);
  else if (positionals.length === 0) await runQuick(values);
  else await runNamed(positionals, values);
}

function parseCommandLine(): { values: Values; positionals: string[] } {
  try {
    return parseArgs(ARGUMENTS);
  } catch (error) {
    throw new UsageError(
      `${(error as Error).message}. The options are --full, --processes, --rounds, --seconds and --rate.`,
    );
  }
}

function compare([before, after]: readonly string[]): void {
  if (before === undefined || after === undefined) {
    throw new UsageError('Give two result files: npm run bench -- compare BEFORE.json AFTER.json');
  }
  compareResults(before, after);
}

async function runQuick(values: Values): Promise<void> {
  console.log('A quick look, a minute and a half; --full measures everything, in about three quarters of an hour.');
  await run(Object.entries(QUICK_SCENARIOS), values, `bench/results/quick-${now()}.json`);
}

async function runFull(values: Values): Promise<void> {
  const scenarios = Object.entries(SCENARIOS).filter(([, { isByNameOnly }]) => isByNameOnly !== true);
  await run(scenarios, values, TABLE_FILE);
  await writeReport(readResults(TABLE_FILE));
  writeReadme(readResults(TABLE_FILE));
}

async function runNamed(names: readonly string[], values: Values): Promise<void> {
  const chosen = names.map((name) => {
    const scenario = Object.hasOwn(SCENARIOS, name) ? SCENARIOS[name] : undefined;
    if (scenario !== undefined) return [name, scenario] as const;
    throw new UsageError(
      `There is no scenario ${name}; there are ${Object.keys(SCENARIOS).join(', ')}. Other commands: compare, report.`,
    );
  });
  await run(chosen, values, `bench/results/${names.join('+')}-${now()}.json`);
}

/** Writes the file after each scenario, so that an interrupted run is not lost. */
async function run(
  scenarios: readonly (readonly [name: string, scenario: Scenario])[],
  values: Values,
  file: string,
): Promise<void> {
  const results: Result[] = [];
  const efforts = new Map(scenarios.map(([name, scenario]) => [name, effortOf(scenario, values)]));
  printMachineInfo('HS256 unless a scenario says otherwise');
  for (const [name, scenario] of scenarios) {
    const startedAt = performance.now();
    const result = await scenario.run(efforts.get(name) ?? DEFAULT_EFFORT);
    printResult(result);
    console.log(`  took ${((performance.now() - startedAt) / 60_000).toFixed(1)} minutes`);
    results.push(result);
    writeResults(file, results);
  }
  if (results.length > 0) console.log(file);
}

/** The effort of the command line; for what it leaves out, that of the scenario. */
function effortOf({ effort, fullEffort }: Scenario, values: Values): Effort {
  const defaults = { ...DEFAULT_EFFORT, ...effort, ...(values.full && fullEffort) };
  const of = (name: keyof Effort): number => {
    const number = Number(values[name] ?? defaults[name]);
    if (!(number > 0)) throw new UsageError(`--${name} is not a number above 0: ${values[name]}`);
    return number;
  };
  return { processes: of('processes'), rounds: of('rounds'), seconds: of('seconds'), rate: of('rate') };
}

function now(): string {
  return new Date().toISOString().replaceAll(':', '-');
}
