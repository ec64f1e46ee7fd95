import { openConnection } from './open-connection.js';
import { codesOf } from './database-errors.js';
import { applyMigrations } from './prisma-schema-engine.js';
import type { MigrationFailure } from './run-migrations.js';

/** The parent has just connected to the same server. */
const CONNECTION_TIMEOUT_MS = 10_000;

// Ctrl-C and service managers signal the whole process group. A migration is not interrupted.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

// A killed parent ends it, too: nothing is to be migrated later.
process.once('disconnect', () => process.exit(1));

process.once('message', (url: string) => {
  migrateDatabase(url).then(
    () => process.exit(0),
    (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      const failure: MigrationFailure = { message, code: codesOf(error)[0] };
      process.send?.(failure, () => process.exit(1));
    },
  );
});

async function migrateDatabase(url: string): Promise<void> {
  // Connect first: this error says whether to retry, the engine's does not.
  await (await openConnection({ url, isPooled: false }, { connectionTimeoutMillis: CONNECTION_TIMEOUT_MS })).end();
  await applyMigrations(url);
}
