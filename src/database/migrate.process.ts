import { applyMigrations } from './schema-engine.js';

process.once('message', (url: string) => {
  applyMigrations(url).then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(1);
    },
  );
});
