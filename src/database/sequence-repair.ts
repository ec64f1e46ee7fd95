import { violatedIndex } from './database-errors.js';

/** Tables whose ids come from a sequence. */
const NUMBERED_TABLES = ['audit_events', 'revocations'] as const;
const PRIMARY_KEYS = new Set<string | undefined>(NUMBERED_TABLES.map((table) => `${table}_pkey`));

/** Runs one statement outside of a transaction. */
type RunStatement = (statement: string) => Promise<unknown>;

/** Whether an insert failed because the sequence gave an id that the table already has. */
export function isSequenceBehind(error: unknown): boolean {
  return PRIMARY_KEYS.has(violatedIndex(error));
}

/**
 * Advances the sequences that are behind their tables, as after a failover or a restore of the data without the
 * sequences. Draws number after number, because the service's role has the privilege for `nextval` only.
 */
export async function advanceSequences(runStatement: RunStatement): Promise<void> {
  for (const table of NUMBERED_TABLES) {
    await runStatement(`
      SELECT max(nextval(sequence)) FROM (SELECT pg_get_serial_sequence('${table}', 'id') AS sequence) numbered,
        LATERAL generate_series(nextval(sequence), (SELECT max(id) FROM ${table}))`);
  }
}
