import { expect, it, vi } from 'vitest';
import { Client } from '../support/client.js';
import { emptyDatabase, query } from '../support/app.js';
import { waitForUrl, startMain, MASTER_SECRET } from '../support/processes.js';

const NODES = 24;
const MAX_START_MS = 240_000;

it(
  '24 nodes that start at once on an empty database all serve, with one set of keys (FLT-17, FLT-26)',
  { timeout: MAX_START_MS + 60_000 },
  async () => {
    const url = await emptyDatabase();
    const environment = { DATABASE_URL: url, MASTER_SECRET, MIGRATE_ON_START: 'on', DATABASE_STARTUP_SECONDS: '240' };
    const programs = Array.from({ length: NODES }, () => startMain(environment));
    const isUpOrOver = (): boolean =>
      programs.every(({ process, output }) => output().includes('http://127.0.0.1:') || process.exitCode !== null);
    await vi.waitFor(() => expect(isUpOrOver()).toBe(true), { timeout: MAX_START_MS, interval: 500 });
    expect(programs.filter(({ process }) => process.exitCode !== null).map(({ output }) => output())).toEqual([]);
    const clients = await Promise.all(programs.map(async (program) => new Client(await waitForUrl(program))));
    const sets = await Promise.all(
      clients.map(async (client) => (await client.call('GET', '/.well-known/jwks.json')).body),
    );
    expect(new Set(sets.map((set) => JSON.stringify(set))).size).toBe(1);
    expect(await query(url, 'SELECT FROM _prisma_migrations WHERE finished_at IS NULL OR logs IS NOT NULL')).toEqual(
      [],
    );
  },
);
