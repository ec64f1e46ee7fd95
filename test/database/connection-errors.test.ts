import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { Prisma } from '../../src/database/prisma.service.js';
import { createDatabase, query } from '../support/app.js';
import { DedicatedPostgres } from '../support/dedicated-postgres.js';
import { freePort } from '../support/processes.js';
import { outcomesOfBothPaths, UNAVAILABLE } from '../support/query-paths.js';
import { TcpProxy, proxiedUrl } from '../support/tcp-proxy.js';

/** The URL of a server that answers the first packet of each connection like this. */
async function serverThat(answer: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).once('data', () => answer(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `postgresql://user:password@127.0.0.1:${(server.address() as AddressInfo).port}/database?sslmode=disable`;
}

async function tlsServerThat(answer: (socket: Socket) => void): Promise<string> {
  return (await serverThat(answer)).replace('disable', 'require');
}

const administer = (sql: string): Promise<unknown> => query(inject('administratorUrl'), sql);

/** The URL of a new role in a new database, after the administrator's statement about `$role` and `$database`. */
async function databaseAfter(statement: string, password = 'right'): Promise<string> {
  const url = new URL(await createDatabase());
  const role = `role_${randomUUID().replaceAll('-', '')}`;
  await administer(`CREATE ROLE ${role} LOGIN PASSWORD 'right'`);
  onTestFinished(async () => void (await administer(`DROP ROLE ${role}`)));
  await administer(statement.replaceAll('$database', url.pathname.slice(1)).replaceAll('$role', role));
  return Object.assign(url, { username: role, password }).href;
}

describe('a connection to the database', () => {
  it.each<[string, () => Promise<string>]>([
    ['is refused', async () => `postgresql://user:password@127.0.0.1:${await freePort()}/database`],
    ['is reset', () => serverThat((socket) => socket.resetAndDestroy())],
    ['is closed', () => serverThat((socket) => socket.end())],
    ['is not answered', () => serverThat(() => undefined)],
    ['has a host that does not exist', async () => 'postgresql://user:password@nowhere.invalid/database'],
    ['has a socket that does not exist', async () => 'postgresql://user@/database?host=/nowhere'],
    ['needs TLS, which the server has not', () => tlsServerThat((socket) => socket.write('N'))],
    ['needs TLS, which the server refuses', () => tlsServerThat((socket) => socket.write('E'))],
    ['needs TLS, which the server does not speak', () => tlsServerThat((socket) => socket.end('Sorry, what is TLS?'))],
    ['has a wrong password', () => databaseAfter('SELECT', 'wrong')],
    ['is of a role that may not log in', () => databaseAfter('ALTER ROLE $role NOLOGIN')],
    ['exceeds the limit of its role', () => databaseAfter('ALTER ROLE $role CONNECTION LIMIT 0')],
    ['has no privilege to connect', () => databaseAfter('REVOKE CONNECT ON DATABASE $database FROM public')],
    ['is to a database that is gone', async () => (await createDatabase()).replace(/test_/, 'gone_')],
    ['exceeds the limit of its database', () => databaseAfter('ALTER DATABASE $database CONNECTION LIMIT 0')],
  ])('that %s is 503 through both paths', async (_case, urlOf) => {
    expect(await outcomesOfBothPaths(await urlOf(), Prisma.sql`SELECT 1`)).toEqual([UNAVAILABLE, UNAVAILABLE]);
  });

  it('to a server that is starting or a standby that refuses is 503 through both paths', async () => {
    const database = await DedicatedPostgres.start();
    await database.startRefusing();
    expect(await outcomesOfBothPaths(database.url, Prisma.sql`SELECT 1`)).toEqual([UNAVAILABLE, UNAVAILABLE]);
  });
});

describe('a statement', () => {
  it.each<[string, Prisma.Sql]>([
    ['is ended by an administrator', Prisma.sql`SELECT pg_terminate_backend(pg_backend_pid())`],
    ['is canceled', Prisma.sql`SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(1)`],
    ['takes too long', Prisma.sql`SELECT pg_sleep(10)`],
  ])('that %s is 503 through both paths', async (_case, statement) => {
    expect(await outcomesOfBothPaths(await createDatabase(), statement)).toEqual([UNAVAILABLE, UNAVAILABLE]);
  });

  it('that writes to a read-only database is 503 through both paths', async () => {
    const url = await createDatabase();
    await query(url, `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_read_only = on`);
    const write = Prisma.sql`UPDATE users SET email = email`;
    expect(await outcomesOfBothPaths(url, write)).toEqual([UNAVAILABLE, UNAVAILABLE]);
  });

  it('whose connection breaks is 503 through both paths', async () => {
    const url = await createDatabase();
    const proxy = await TcpProxy.start(new URL(url));
    const asking = outcomesOfBothPaths(proxiedUrl(proxy, url), Prisma.sql`SELECT pg_sleep(10)`);
    const isRunning = `SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`;
    await expect.poll(async () => (await query(url, isRunning)).length).toBe(2);
    proxy.cut();
    expect(await asking).toEqual([UNAVAILABLE, UNAVAILABLE]);
  });

  it.each<[string, Prisma.Sql]>([
    ['divides by zero', Prisma.sql`SELECT 1 / 0`],
    ['names what does not exist', Prisma.sql`SELECT nothing`],
  ])('that %s is 500 through both paths', async (_case, statement) => {
    const failed = expect.stringMatching(/^500/);
    expect(await outcomesOfBothPaths(await createDatabase(), statement)).toEqual([failed, failed]);
  });
});
