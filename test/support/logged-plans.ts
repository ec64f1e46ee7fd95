import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { vi } from 'vitest';
import type { DedicatedPostgres } from './dedicated-postgres.js';

/** Settings of a PostgreSQL that can log the plan of each statement, those of foreign keys and triggers included. */
export const LOG_PLANS: readonly string[] = [
  `shared_preload_libraries = 'auto_explain'`,
  'auto_explain.log_format = json',
  'auto_explain.log_nested_statements = on',
  'auto_explain.log_analyze = on',
  'auto_explain.log_buffers = on',
  'auto_explain.log_timing = off',
  'logging_collector = on',
  'log_destination = jsonlog',
  `log_directory = 'log'`,
  `log_filename = 'plans.log'`,
  'log_rotation_age = 0',
  'log_rotation_size = 0',
  // Statistics are as old as a test makes them.
  'autovacuum = off',
];

/** A statement as PostgreSQL executed it. */
export interface LoggedPlan {
  /** `application_name` of its connection. */
  readonly application: string;
  /** Its text in one line. */
  readonly statement: string;
  /** Tables that it read from their first row to the last. */
  readonly scannedTables: readonly string[];
  /** Indexes that it went by, each once. */
  readonly indexes: readonly string[];
  readonly buffers: number;
}

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly Node[];
}

interface LogLine {
  readonly application_name?: string;
  readonly message: string;
}

/** Reads the log of a server with {@link LOG_PLANS}. */
export class LoggedPlans {
  #lines = 0;

  constructor(private readonly server: DedicatedPostgres) {}

  /** The plans of the application's statements during the work. */
  async plansOf(work: () => Promise<void>): Promise<LoggedPlan[]> {
    await this.#takePlans();
    await this.#logFrom(0);
    await work();
    await this.#logFrom(-1);
    return this.#takePlans();
  }

  /** Logs statements that take as many milliseconds; none for -1. */
  async #logFrom(milliseconds: number): Promise<void> {
    await this.server.administer(`ALTER SYSTEM SET auto_explain.log_min_duration = ${milliseconds}`);
    await this.server.administer('SELECT pg_reload_conf()');
    // A new connection has the settings of the postmaster, which has told the others.
    const isSet = `DO $$ BEGIN ASSERT current_setting('auto_explain.log_min_duration')::int = ${milliseconds}; END $$`;
    await vi.waitFor(() => this.server.administer(isSet), { timeout: 10_000 });
  }

  /** Those that were logged since the last call. */
  async #takePlans(): Promise<LoggedPlan[]> {
    const marker = `plans until ${randomUUID()}`;
    await this.server.administer(`DO $$ BEGIN RAISE LOG '${marker}'; END $$`);
    const lines = await vi.waitUntil(() => this.#linesUntil(marker), { timeout: 10_000 });
    const fresh = lines.slice(this.#lines).map((line) => JSON.parse(line) as LogLine);
    this.#lines = lines.length;
    return fresh.flatMap(planOf).filter(({ application }) => application.startsWith('gatehouse'));
  }

  /** The log's whole lines, once the marker is among them. */
  #linesUntil(marker: string): string[] | undefined {
    const lines = readFileSync(join(this.server.cluster, 'log', 'plans.json'), 'utf8')
      .split('\n')
      .slice(0, -1);
    return lines.some((line) => line.includes(marker)) ? lines : undefined;
  }
}

function planOf({ application_name: application = '', message }: LogLine): LoggedPlan[] {
  const [, json] = /^duration: \S+ ms {2}plan:\n(.*)$/s.exec(message) ?? [];
  if (json === undefined) return [];
  const { 'Query Text': statement, Plan: plan } = JSON.parse(json) as { 'Query Text': string; Plan: Node };
  const nodes = nodesOf(plan);
  return [
    {
      application,
      statement: statement.replaceAll(/\s+/g, ' ').trim(),
      scannedTables: namesOf(
        nodes.filter((node) => node['Node Type'] === 'Seq Scan').map((node) => node['Relation Name']),
      ),
      indexes: namesOf(nodes.map((node) => node['Index Name'])),
      buffers: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'],
    },
  ];
}

function namesOf(of: readonly (string | undefined)[]): string[] {
  return [...new Set(of.filter((name) => name !== undefined))].toSorted();
}

function nodesOf(plan: Node): Node[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}
