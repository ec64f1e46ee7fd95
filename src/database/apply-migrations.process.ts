import { openClient } from './connection.js';
import { codesOf } from './database-errors.js';
import { applyMigrations } from './prisma-schema-engine.js';
import type { MigrationFailure } from './run-migrations.js';

/** Its parent has just connected. */
const CONNECTION_TIMEOUT_MS = 10_000;

// Ctrl-C and a service manager signal the whole group; a migration is not left in its middle.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

process.once('message', (url: string) => {
  migrate(url).then(
    () => process.exit(0),
    (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      const failure: MigrationFailure = { message, code: codesOf(error)[0] };
      process.send?.(failure, () => process.exit(1));
    },
  );
});

async function migrate(url: string): Promise<void> {
  // The engine's own error would not say whether to try again.
  await (await openClient({ url, isPooled: false }, { connectionTimeoutMillis: CONNECTION_TIMEOUT_MS })).end();
  await applyMigrations(url);
}
