import './supported-node.js';
import { lookup } from 'node:dns/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { requireMasterSecret } from './config/config.js';
import { readSettings } from './config/read-settings.js';
import { provideDatabase } from './database/provide-database.js';
import { bringSchemaUpToDate } from './database/schema-version.js';
import { whenDatabaseAnswers, type Patience } from './database/startup.js';
import { processLog } from './wire/log-sink.js';
import { startLog } from './wire/log.js';

/** In which the embedded database's processes are launched. */
const LAUNCH_MS = 60;
const GOODBYES = ['SIGTERM', 'SIGINT'] as const;

async function main(): Promise<void> {
  const leaving = goodbye();
  const stopping = new AbortController();
  void leaving.then(() => stopping.abort());
  const settings = readSettings();
  const providing = provideDatabase(settings, 'app');
  // The application takes as long to load as the database to start, and it blocks this thread: so it comes second.
  await Promise.race([providing, pause(LAUNCH_MS)]);
  const [{ createApp }, { Departure }] = await Promise.all([import('./app.js'), import('./health/departure.js')]);
  const database = await providing;
  try {
    const config = requireMasterSecret(database.config);
    const migrate = settings.databaseUrl === undefined || config.migrateOnStart;
    const tell = startLog(config.logLevel, processLog());
    const patience: Patience = { seconds: config.databaseStartupSeconds, signal: stopping.signal, tell };
    const app = await whenDatabaseAnswers(config, patience, async () => {
      await bringSchemaUpToDate(config, { migrate, patience });
      return createApp(config);
    }).catch((error: unknown) => {
      if (error !== stopping.signal.reason) throw error;
    });
    if (app === undefined) return;
    try {
      const departure = app.get(Departure, { strict: false });
      const { server } = app.getHttpAdapter().getInstance();
      departure.watch(server);
      // Fastify opens a second server for the other addresses of localhost, which knows nothing of how to treat clients.
      const { address } = await lookup(config.host);
      await app.listen(config.port, address);
      await leaving;
      await departure.leave(server, () => app.close());
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
