import { beforeAll, describe, expect, it } from 'vitest';
import { PrismaService } from '../../src/database/prisma.service.js';
import { afterAllTests, createDatabase, query, startApp, type TestApp } from '../support/app.js';
import { TcpProxy, proxiedUrl } from '../support/tcp-proxy.js';

const PROBES = ['live', 'serving', 'ready'] as const;

const afterFile = afterAllTests();
let app: TestApp;

beforeAll(async () => {
  app = await startApp({}, afterFile);
});

/** The statuses of `/health/live`, `/health/serving` and `/health/ready`. */
function statuses(node: TestApp): Promise<number[]> {
  return Promise.all(PROBES.map(async (probe) => (await node.call('GET', `/health/${probe}`)).status));
}

describe('a probe', () => {
  it.each(PROBES)('accepts any query string: %s', async (probe) => {
    for (const added of ['x=1', 'x=1&x=2', 'x', '%zz', 'x=%00', '&', 'access_token=1']) {
      const { status, body } = await app.call('GET', `/health/${probe}?${added}`);
      expect([added, status, body]).toEqual([added, 200, { status: 'ok' }]);
    }
    expect((await app.call('HEAD', `/health/${probe}?x=1`)).status).toBe(200);
    for (const path of ['/.well-known/jwks.json', '/v1/auth/me', '/health'])
      expect([400, 404]).toContain((await app.call('GET', `${path}?x=1`)).status);
  });

  it('of readiness makes one database query for any number of concurrent requests, and the other probes none', async () => {
    const url = await createDatabase();
    const proxy = await TcpProxy.start(new URL(url));
    const node = await startApp({ databaseUrl: proxiedUrl(proxy, url) });
    const prisma = node.nest.get(PrismaService, { strict: false });
    proxy.hold('answers');
    const answers = Promise.all(Array.from({ length: 50 }, () => node.call('GET', '/health/ready')));
    await expect.poll(() => prisma.poolStats().total - prisma.poolStats().idle).toBe(1);
    for (const probe of ['live', 'serving']) expect((await node.call('GET', `/health/${probe}`)).status).toBe(200);
    expect([prisma.poolStats().total - prisma.poolStats().idle, prisma.poolStats().waiting]).toEqual([1, 0]);
    proxy.release();
    expect((await answers).map(({ status }) => status)).toEqual(Array(50).fill(200));
  });
});

describe('a read-only database (KEY-04)', () => {
  it('leaves the node serving but not ready', async () => {
    const url = await createDatabase();
    const node = await startApp({ databaseUrl: url });
    const name = new URL(url).pathname.slice(1);
    const setReadOnly = async (value: 'on' | 'off'): Promise<void> => {
      await query(url, `BEGIN READ WRITE; ALTER DATABASE ${name} SET default_transaction_read_only = ${value}; COMMIT`);
      await query(
        url,
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      );
    };
    const { token, email } = await node.signIn();
    await setReadOnly('on');
    await expect.poll(() => statuses(node), { timeout: 10_000 }).toEqual([200, 200, 503]);
    expect([(await node.me(token)).status, (await node.login(email)).status]).toEqual([200, 503]);
    await setReadOnly('off');
    await expect.poll(() => statuses(node), { timeout: 10_000 }).toEqual([200, 200, 200]);
    expect((await node.login(email)).status).toBe(200);
  });
});

describe('a node without a key (KEY-04)', () => {
  it('is neither serving nor ready, and becomes both once there is a key', async () => {
    const node = await startApp();
    await node.query(
      `CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE 'no more keys'; END $$ LANGUAGE plpgsql;
       CREATE TRIGGER refuse BEFORE INSERT ON signing_keys FOR EACH ROW EXECUTE FUNCTION refuse()`,
    );
    const { email } = await node.signIn();
    await node.query(`DELETE FROM signing_keys WHERE activated_at IS NOT NULL`);
    await node.query(`UPDATE signing_keys SET gone_at = now()`);
    await expect.poll(() => statuses(node)).toEqual([200, 503, 503]);
    expect((await node.login(email)).status).toBe(503);
    await node.query('DROP TRIGGER refuse ON signing_keys');
    await expect.poll(() => statuses(node), { timeout: 20_000 }).toEqual([200, 200, 200]);
    expect((await node.login(email)).status).toBe(200);
  });
});
