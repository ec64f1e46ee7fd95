import { violatedIndex } from './database-errors.js';

/** Tables whose ids are given by a sequence. */
const NUMBERED_TABLES = ['audit_events', 'revocations'] as const;
const PRIMARY_KEYS = new Set<string | undefined>(NUMBERED_TABLES.map((table) => `${table}_pkey`));

/** Runs a statement on its own. */
type Run = (statement: string) => Promise<unknown>;

/** Whether an id from a sequence was given before. */
export function isSequenceBehind(error: unknown): boolean {
  return PRIMARY_KEYS.has(violatedIndex(error));
}

/**
 * Moves the sequences on that are behind their tables, as a restore of the data alone or a failover may leave them. Takes number after
 * number, for which the role of the service has the right.
 */
export async function advanceSequences(run: Run): Promise<void> {
  for (const table of NUMBERED_TABLES) {
    await run(`
      SELECT max(nextval(sequence)) FROM (SELECT pg_get_serial_sequence('${table}', 'id') AS sequence) numbered,
        LATERAL generate_series(nextval(sequence), (SELECT max(id) FROM ${table}))`);
  }
}
