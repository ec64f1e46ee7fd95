import { createApp } from './app.js';
import { KeysService } from './auth/keys.service.js';
import { readSettings } from './config/read-settings.js';
import { provideDatabase } from './database/provide-database.js';
import { bringSchemaUpToDate } from './database/schema-version.js';

const USAGE = 'usage: npm run keys -- list | rotate | revoke KID';

/** What an operator does to the signing keys, through the services, with the API running or not. */
async function main([action, kid, ...rest]: readonly string[]): Promise<void> {
  const takesKid = action === 'revoke';
  if (rest.length > 0 || !['list', 'rotate', 'revoke'].includes(String(action)) || takesKid !== Boolean(kid)) {
    throw new Error(USAGE);
  }
  const database = await provideDatabase(readSettings(), 'script');
  try {
    await bringSchemaUpToDate(database.config, { migrate: false });
    const app = await createApp({ ...database.config, metricsPort: undefined });
    const keys = app.get(KeysService, { strict: false });
    try {
      if (kid !== undefined) await keys.revoke(kid);
      else if (action === 'rotate') await keys.rotate();
      await list(keys);
    } finally {
      await app.close();
    }
  } finally {
    await database.stop();
  }
}

/** One line a key: kid, algorithm, state, and since when it is in it. */
async function list(keys: KeysService): Promise<void> {
  for (const { kid, alg, state, createdAt, activatedAt, retiredAt, goneAt } of await keys.list()) {
    const since = goneAt ?? retiredAt ?? activatedAt ?? createdAt;
    process.stdout.write(`${[kid, alg, state, since.toISOString()].join('\t')}\n`);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
