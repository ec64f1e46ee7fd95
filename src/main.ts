import { createApp } from './app.js';
import { readSettings } from './config/read-settings.js';
import { provideDatabase } from './database/provide-database.js';
import { bringSchemaUpToDate } from './database/schema-version.js';

const GOODBYES = ['SIGTERM', 'SIGINT'] as const;

async function main(): Promise<void> {
  const leaving = goodbye();
  const settings = readSettings();
  const database = await provideDatabase(settings, 'app');
  try {
    const { config } = database;
    await bringSchemaUpToDate(config, { migrate: settings.databaseUrl === undefined || config.migrateOnStart });
    const app = await createApp(config);
    try {
      await app.listen(config.port, config.host);
      await leaving;
      app.getHttpAdapter().getInstance().server.closeIdleConnections();
    } finally {
      await app.close();
    }
  } finally {
    await database.stop();
  }
}

function goodbye(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of GOODBYES) process.once(signal, () => resolve());
  });
}

try {
  await main();
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
