import { parseArgs, type ParseArgsConfig } from 'node:util';
import { algorithms } from './scenarios/algorithms.ts';
import { compareResults } from './compare-results.ts';
import { fastify } from './scenarios/fastify.ts';
import { newTokens } from './scenarios/new-tokens.ts';
import { verifierAlone } from './scenarios/verifier.ts';
import { guard } from './scenarios/guard.ts';
import type { Effort } from './harness.ts';
import { limits } from './scenarios/limits.ts';
import { log } from './scenarios/log.ts';
import { loginStorm } from './scenarios/login-storm.ts';
import { manyTokens } from './scenarios/many-tokens.ts';
import { fewPeers, peers } from './scenarios/peers.ts';
import { profile } from './scenarios/profile.ts';
import { refusals } from './scenarios/refusals.ts';
import { writeReport } from './html-report.ts';
import { printMachineInfo } from './machine-info.ts';
import { writeReadme } from './readme-table.ts';
import { printResult, readResults, writeResults, type Result } from './results.ts';
import { revocation } from './scenarios/revocation.ts';
import { UsageError } from './usage-error.ts';

type Scenario = (effort: Effort) => Promise<Result>;

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  guard,
  'many-tokens': manyTokens,
  fastify,
  peers,
  algorithms,
  'first-sight': newTokens,
  refusals,
  gate: verifierAlone,
  log,
  revocation,
  profile,
  limits,
  'login-storm': loginStorm,
};

const TABLE_FILE = 'bench/results/table.json';
const QUICK = { rounds: 5, seconds: 1, rate: 2000 };
const DEFAULT = { rounds: 8, seconds: 2, rate: 2000 };
const FULL = { rounds: 20, seconds: 1, rate: 2000 };
/** Scenarios that a full run measures with another effort. */
const FULL_EXCEPTIONS: Readonly<Record<string, Effort>> = {
  profile: { rounds: 5, seconds: 2, rate: 2000 },
  limits: { rounds: 8, seconds: 5, rate: 2000 },
  'login-storm': { rounds: 5, seconds: 60, rate: 2000 },
};

const ARGUMENTS = {
  allowPositionals: true,
  options: {
    full: { type: 'boolean', default: false },
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
    throw new UsageError(`${(error as Error).message}. The options are --full, --rounds, --seconds and --rate.`);
  }
}

function compare([before, after]: readonly string[]): void {
  if (before === undefined || after === undefined) {
    throw new UsageError('Give two result files: npm run bench -- compare BEFORE.json AFTER.json');
  }
  compareResults(before, after);
}

async function runQuick(values: Values): Promise<void> {
  console.log('A quick look, about a minute; --full measures everything, in three quarters of an hour.');
  await run({ guard, peers: fewPeers }, () => effortFromOptions(values, QUICK), `bench/results/quick-${now()}.json`);
}

async function runFull(values: Values): Promise<void> {
  await run(SCENARIOS, (scenario) => effortFromOptions(values, FULL_EXCEPTIONS[scenario] ?? FULL), TABLE_FILE);
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
  await run(
    Object.fromEntries(chosen),
    () => effortFromOptions(values, DEFAULT),
    `bench/results/${names.join('+')}-${now()}.json`,
  );
}

/** Writes the file after each scenario, so that an interrupted run is not lost. */
async function run(
  scenarios: Readonly<Record<string, Scenario>>,
  effortOf: (scenario: string) => Effort,
  file: string,
): Promise<void> {
  const results: Result[] = [];
  printMachineInfo('HS256 unless a scenario says otherwise');
  for (const [name, scenario] of Object.entries(scenarios)) {
    const result = await scenario(effortOf(name));
    printResult(result);
    results.push(result);
    writeResults(file, results);
  }
  if (results.length > 0) console.log(file);
}

/** The effort of the command line, with these defaults. */
function effortFromOptions(values: Values, defaults: Effort): Effort {
  const of = (name: keyof Effort): number => {
    const number = Number(values[name] ?? defaults[name]);
    if (!(number > 0)) throw new UsageError(`--${name} is not a number above 0: ${values[name]}`);
    return number;
  };
  return { rounds: of('rounds'), seconds: of('seconds'), rate: of('rate') };
}

function now(): string {
  return new Date().toISOString().replaceAll(':', '-');
}
