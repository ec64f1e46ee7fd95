import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { parseSettings } from '../dist/config/read-settings.js';
import { provideDatabase } from '../dist/database/provide-database.js';
import { bringSchemaUpToDate } from '../dist/database/schema-version.js';

export interface OwnPostgres {
  /** A migrated database. */
  readonly url: string;
  /** Its data, configuration and `postmaster.pid`. */
  readonly cluster: string;
  /** Ends it as a crash would; it is started again at once. */
  readonly kill: () => void;
}

/** A PostgreSQL of the test's own, with lines of its own in `postgresql.conf`; stopped and removed when the test is over. */
export async function startPostgres(
  settings: readonly string[] = [],
  onFinished: (clean: () => Promise<void>) => void = onTestFinished,
): Promise<OwnPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-postgres-'));
  // The server's own user, where there is one, has to get in.
  chmodSync(folder, 0o711);
  const cluster = join(folder, 'postgres');
  const provide = () => provideDatabase(parseSettings({ DATA_DIR: folder }), 'script');
  let database = await provide();
  onFinished(async () => {
    await database.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  if (settings.length > 0) {
    await database.stop();
    appendFileSync(join(cluster, 'postgresql.conf'), `${settings.join('\n')}\n`);
    database = await provide();
  }
  await bringSchemaUpToDate(database.config, { migrate: true });
  const pid = (): number => Number(readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')[0]);
  return { url: database.config.databaseUrl, cluster, kill: () => process.kill(pid(), 'SIGKILL') };
}
