import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import pg from 'pg';
import { MetricsServer } from '../../src/metrics/metrics.server.js';
import { afterAllTests, createDatabase, emptyDatabase, PASSWORD, query, startApp } from '../support/app.js';
import { setFailures } from '../support/rate-limit-states.js';
import {
  waitForExit,
  waitForUrl,
  startMain,
  MASTER_SECRET,
  startNode,
  type Environment,
  type Node,
} from '../support/processes.js';

async function post(url: string, path: string, json: unknown): Promise<Record<string, unknown>> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(json) });
  return (await response.json()) as Record<string, unknown>;
}

describe('a start', () => {
  it('with wrong settings fails and names all of them, without their values', async () => {
    const secrets = { JWT_SECRET: 'supersecret', MASTER_SECRET: 'tooshort-tooshort' };
    const program = startMain({
      ...secrets,
      PORT: 'threethousand',
      ACCESS_TOKEN_TTL_SECONDS: '86401',
      ARGON2_PASSES: '1',
    });
    expect(await waitForExit(program)).not.toBe(0);
    for (const name of ['JWT_SECRET', 'MASTER_SECRET', 'PORT', 'ACCESS_TOKEN_TTL_SECONDS', 'ARGON2_MEMORY_KIB']) {
      expect(program.output()).toMatch(new RegExp(`^  ${name} `, 'm'));
    }
    expect(program.output()).not.toMatch(/supersecret|tooshort|threethousand|86401/);
  });

  it('on a DATABASE_URL needs MASTER_SECRET', async () => {
    const program = startMain({ DATABASE_URL: inject('databaseServerUrl') });
    expect(await waitForExit(program)).toBe(1);
    expect(program.output()).toContain('MASTER_SECRET is required with DATABASE_URL');
  });

  it('on a schema that is behind fails with the command to run, or migrates with MIGRATE_ON_START', async () => {
    const environment = { DATABASE_URL: await emptyDatabase(), MASTER_SECRET };
    const refused = startMain(environment);
    expect(await waitForExit(refused)).toBe(1);
    expect(refused.output()).toContain('npm run db:migrate');
    const url = await waitForUrl(startMain({ ...environment, MIGRATE_ON_START: 'true' }));
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
  });

  it('on a database that does not answer fails with the reason', async () => {
    const DATABASE_URL = 'postgresql://nobody:hidden@127.0.0.1:1/none';
    const program = startMain({ DATABASE_URL, MASTER_SECRET, DATABASE_STARTUP_SECONDS: '0' });
    expect(await waitForExit(program)).toBe(1);
    expect(program.output()).toMatch(/ECONNREFUSED/);
    expect(program.output()).not.toContain('hidden');
  });

  it('on the DATA_DIR of a running app fails, and commands may use it at the same time', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-program-'));
    chmodSync(folder, 0o711);
    const environment = { DATA_DIR: join(folder, 'data') };
    const first = startMain(environment);
    const url = await waitForUrl(first);
    const second = startMain(environment);
    expect(await waitForExit(second)).toBe(1);
    expect(second.output()).toMatch(/already runs on this DATA_DIR/);
    await post(url, '/v1/auth/register', { email: 'ada@example.com', password: PASSWORD });
    expect(await users(environment, 'list')).toMatch(/\tada@example\.com\t/);
    expect((await fetch(`${url}/health/ready`)).status).toBe(200);
    first.process.kill('SIGTERM');
    expect(await waitForExit(first)).toBe(0);
    expect(await users(environment, 'list')).toMatch(/\tada@example\.com\t/);
    rmSync(folder, { recursive: true });
  });

  it('concurrent with another on one DATA_DIR, new or not, fails or serves, and loses nothing (FLT-27)', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-program-'));
    chmodSync(folder, 0o711);
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const environment = { DATA_DIR: join(folder, 'data') };
    const credentials = { email: 'ada@example.com', password: PASSWORD };
    for (const turn of ['new', 'not new']) {
      const both = [startMain(environment), startMain(environment)];
      const refused = await Promise.race(both.map(async (program) => waitForExit(program).then(() => program)));
      expect(refused.process.exitCode, turn).toBe(1);
      expect(refused.output()).toMatch(
        /^Gatehouse already runs on this DATA_DIR \(gatehouse app, process \d+\): stop it/m,
      );
      for (const serving of both.filter((program) => program !== refused)) {
        const url = await waitForUrl(serving);
        if (turn === 'new') await post(url, '/v1/auth/register', credentials);
        expect(await post(url, '/v1/auth/login', credentials)).toMatchObject({ token_type: 'Bearer' });
        serving.process.kill('SIGTERM');
        expect(await waitForExit(serving)).toBe(0);
      }
    }
  });

  it('that a signal ends before it serves stops the database it started', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-program-'));
    chmodSync(folder, 0o711);
    const postmaster = join(folder, 'data/postgres/postmaster.pid');
    const program = startMain({ DATA_DIR: join(folder, 'data') });
    await expect.poll(() => existsSync(postmaster), { timeout: 20_000, interval: 5 }).toBe(true);
    program.process.kill('SIGTERM');
    expect(await waitForExit(program)).toBe(0);
    expect(existsSync(postmaster)).toBe(false);
    rmSync(folder, { recursive: true });
  });
});

describe('a .env file', () => {
  const root = process.cwd();
  const node = (file: string, ...args: string[]): [string, ...string[]] => [
    process.execPath,
    join(root, file),
    ...args,
  ];

  it.each([
    ['the app', node('dist/main.js')],
    ['npm run db:migrate', node('dist/cli/gatehouse.js', 'migrate')],
    ['npm run db:reset', node('dist/cli/gatehouse.js', 'reset')],
    ['npm run db:seed', node('dist/cli/gatehouse.js', 'seed')],
    ['npm run users', node('dist/cli/gatehouse.js', 'users', 'list')],
    ['npm run keys', node('dist/cli/gatehouse.js', 'keys', 'list')],
    ['npm run events', node('dist/cli/gatehouse.js', 'events')],
    [
      'the Prisma CLI',
      node('node_modules/prisma/build/index.js', 'migrate', 'status', '--config', join(root, '.config/prisma.ts')),
    ],
  ])('is read in the same way by %s, without its byte order mark (CFG-05)', async (_name, [file, ...args]) => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-env-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, '.env'), '\uFEFFDATABASE_URL=mysql://h/d\r\nOTHER=x#y\r\n');
    const { DATABASE_URL: _, ...env } = process.env;
    const run = promisify(execFile)(file, args, { cwd: folder, env });
    await expect(run).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('DATABASE_URL does not start with') as string,
    });
  });
});

describe('the log', () => {
  it('has one JSON line per request and contains no secret', async () => {
    const databaseUrl = await createDatabase();
    const secret = 'pQ7wE2rT9yU4iO1pA6sD3fG8hJ5kL0zX';
    const program = startMain({ DATABASE_URL: databaseUrl, MASTER_SECRET, JWT_SECRET: secret, LOG_LEVEL: 'trace' });
    const url = await waitForUrl(program);
    const credentials = { email: 'marked-address@example.com', password: 'marked passphrase of ada' };
    await post(url, '/v1/auth/register', credentials);
    const { access_token: token } = await post(url, '/v1/auth/login', credentials);
    await post(url, '/v1/auth/login', { ...credentials, password: 'marked wrong passphrase' });
    await post(url, '/v1/auth/login', { ...credentials, surplus: 'marked surplus' });
    await fetch(`${url}/v1/auth/me?marked=query`, { headers: { authorization: `Bearer ${String(token)}` } });
    await fetch(`${url}/v1/users/me`, {
      headers: { authorization: `Bearer ${String(token)}`, cookie: 'marked=cookie' },
    });
    program.process.kill('SIGTERM');
    expect(await waitForExit(program)).toBe(0);
    const lines = program.output().trim().split('\n');
    const requests = lines.map((line) => JSON.parse(line) as { msg: string; route: string; status: number });
    const counted = requests.filter(({ msg }) => msg === 'request').map(({ route, status }) => `${route} ${status}`);
    expect(counted).toEqual([
      '/v1/auth/register 201',
      '/v1/auth/login 200',
      '/v1/auth/login 401',
      '/v1/auth/login 400',
      '/v1/auth/me 400',
      '/v1/users/me 200',
    ]);
    const password = new URL(databaseUrl).password;
    for (const hidden of ['marked', 'argon2', 'eyJ', secret, MASTER_SECRET, password]) {
      expect(lines.filter((line) => line.includes(hidden))).toEqual([]);
    }
  });
});

describe('the log of an error', () => {
  let databaseUrl: string;
  let node: Node;
  const onFinished = afterAllTests();
  beforeAll(async () => {
    databaseUrl = await createDatabase(onFinished);
    node = await startNode(databaseUrl, {}, onFinished);
  });

  it('contains nothing of the row of a failed statement (LOG-01)', async () => {
    const { output, client } = node;
    await query(databaseUrl, `ALTER TABLE users ADD CONSTRAINT refuses CHECK (email_lower NOT LIKE 'marked%')`);
    const { status, body } = await client.register('marked@example.com');
    expect([status, body['code']]).toEqual([500, 'internal_error']);
    await expect.poll(output).toContain('internal_error');
    expect(output()).toMatch(/"level":50.*"err":\{"type":"PrismaClientKnownRequestError"/);
    for (const hidden of ['marked', 'argon2']) expect(output()).not.toContain(hidden);
  });

  it('has no error level if a client disconnects while it sends its body', async () => {
    const { client } = node;
    const { length } = node.output();
    const output = (): string => node.output().slice(length);
    const { hostname, port } = new URL(client.url);
    const socket = connect(Number(port), hostname);
    const head = ['Host: x', 'Content-Type: application/json', 'Content-Length: 50', 'Expect: 100-continue'];
    socket.write(`POST /v1/auth/login HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n`);
    const [goOn] = (await once(socket, 'data')) as [Buffer];
    expect(goOn.toString()).toContain('100 Continue');
    socket.write('{"a"', () => socket.destroy());
    await expect.poll(output).toContain('"status":400');
    expect(output()).not.toMatch(/"level":[45]0/);
  });

  it('is JSON if the address is in use', async () => {
    const taken = startMain({ DATABASE_URL: databaseUrl, MASTER_SECRET, PORT: new URL(node.client.url).port });
    expect(await waitForExit(taken)).toBe(1);
    const [first = ''] = taken.output().split('\n');
    expect(JSON.parse(first)).toMatchObject({ level: 50, msg: expect.stringContaining('EADDRINUSE') });
  });

  it.each([
    ['a broken path', 'GET /v1/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
    ['another expectation', 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: miracles\r\n\r\n'],
    ['a tunnel', 'CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['no HTTP', 'hello\r\n\r\n'],
    ['no route', 'GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
  ])('of a response to %s is one line, with its request id', async (_case, bytes) => {
    const { output, client } = node;
    const { hostname, port } = new URL(client.url);
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
    socket.write(bytes);
    await once(socket, 'close');
    const [, id = 'none'] = /x-request-id: (\S+)/i.exec(answer) ?? [];
    const lines = (): string[] =>
      output()
        .split('\n')
        .filter((line) => line.includes(id));
    await expect.poll(lines).toHaveLength(1);
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({ msg: 'request', status: Number(answer.split(' ')[1]) });
  });
});

/** The first Node on the path outside of the packages. */
function otherNode(): { file: string; version: string } | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((each) => !each.includes('node_modules'));
  const file = folders.map((folder) => join(folder, 'node')).find((each) => existsSync(each));
  return file === undefined ? undefined : { file, version: execFileSync(file, ['--version'], { encoding: 'utf8' }) };
}

/** Makes a Node report an old version. */
const AGED = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } })`;

describe('an older Node', () => {
  const other = otherNode();
  const isOld = other !== undefined && Number(/^v(\d+)/.exec(other.version)?.[1]) < 26;
  const [file, ...preload] = isOld
    ? [other.file]
    : [process.execPath, '--import', `data:text/javascript,${encodeURIComponent(AGED)}`];

  it.each(['dist/main.js', 'dist/index.js', 'dist/testing.js', 'dist/prisma.js', '.config/build.mjs'])(
    'makes %s fail with one sentence about what to run',
    async (entry) => {
      const run = promisify(execFile)(file ?? '', [...preload, entry]);
      await expect(run).rejects.toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(
          /^This is Node\.js \d+\.\d+\.\d+, and 26 is needed; .*npm (?:start|run).*\n$/,
        ) as string,
      });
    },
  );
});

/** Resolves `localhost` to two addresses of this machine, as with IPv6. */
const TWO_ADDRESSES = `
  import dns from 'node:dns';
  const { lookup } = dns;
  const both = [{ address: '127.0.0.1', family: 4 }, { address: '127.0.0.2', family: 4 }];
  dns.lookup = (host, options, found) =>
    host === 'localhost' && options?.all ? found(null, both) : lookup(host, options, found);
`;

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((each) => each?.address === '::1');

describe('DATABASE_URL', () => {
  it('with parameters of Prisma works by the settings in their place, and each parameter is logged once (CFG-05)', async () => {
    const database = await createDatabase();
    const url = new URL(database);
    const unheeded = ['statement_timeout', 'connection_limit', 'pgbouncer', 'lock_timeout'];
    for (const name of unheeded) url.searchParams.set(name, '1');
    url.searchParams.set('pgbouncer', 'true');
    url.searchParams.set('application_name', 'accounts');
    const { client, output } = await startNode(url.href);
    expect((await client.login((await client.signIn()).email)).status).toBe(200);
    const shown = await query<{ names: string[] }>(
      database,
      `SELECT array_agg(DISTINCT application_name) AS names FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
    );
    expect(shown).toEqual([{ names: ['accounts'] }]);
    const lines = output()
      .split('\n')
      .filter((line) => line.includes('setting_adjusted'));
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual(
      unheeded.map((name) =>
        expect.objectContaining({
          level: 40,
          setting: 'DATABASE_URL',
          msg: expect.stringMatching(`^The parameter ${name} of DATABASE_URL has no effect: .*DATABASE_`) as string,
        }),
      ),
    );
  });
});

describe('HOST', () => {
  it.runIf(hasIpv6)(
    'may be in brackets; a HASH_CONCURRENCY above the number of cores is reduced to it, which is logged',
    async () => {
      const { output } = startMain({
        DATABASE_URL: await createDatabase(),
        MASTER_SECRET,
        HOST: '[::1]',
        HASH_CONCURRENCY: '1000',
      });
      const address = (): string => /http:\/\/\[::1\]:\d+/.exec(output())?.[0] ?? '';
      await expect.poll(address, { timeout: 30_000 }).not.toBe('');
      expect((await fetch(`${address()}/health/live`)).status).toBe(200);
      const lines = output().split('\n').slice(0, -1);
      expect(lines.map((line) => JSON.parse(line) as object)).toContainEqual(
        expect.objectContaining({ level: 40, event: 'setting_adjusted', setting: 'HASH_CONCURRENCY' }),
      );
    },
  );

  it('that is a name listens on one address, where malformed requests get our headers (API-09)', async () => {
    const { client } = await startNode(await createDatabase(), {
      HOST: 'localhost',
      NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(TWO_ADDRESSES)}`,
    });
    const { port } = new URL(client.url);
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), '127.0.0.2');
      let text = '';
      socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      socket.on('error', () => undefined).on('close', () => resolve(text));
      socket.write('hello\r\n\r\n');
    });
    expect(answer).toBe('');
    expect((await client.call('GET', '/health/live')).status).toBe(200);
  });
});

async function users(environment: Environment, ...args: string[]): Promise<string> {
  const { DATABASE_URL: _, ...inherited } = process.env;
  const { stdout } = await promisify(execFile)('node', ['dist/cli/gatehouse.js', 'users', ...args], {
    env: { ...inherited, ...environment },
  });
  return stdout;
}

describe('npm run users', () => {
  it('lists, disables, enables and deletes through the services', { timeout: 120_000 }, async () => {
    const app = await startApp();
    const environment = { DATABASE_URL: app.databaseUrl, MASTER_SECRET };
    const { email } = await app.signIn();
    const state = async (): Promise<string | undefined> =>
      (await users(environment, 'list'))
        .split('\n')
        .find((line) => line.includes(email))
        ?.split('\t')
        .at(-1);
    expect(await state()).toBe('enabled');
    await users(environment, 'disable', email.toUpperCase());
    expect([await state(), (await app.login(email)).status]).toEqual(['disabled', 401]);
    expect(await app.query('SELECT FROM sessions WHERE ended_at IS NULL')).toEqual([]);
    await users(environment, 'enable', email);
    expect([await state(), (await app.login(email)).status]).toEqual(['enabled', 200]);
    await users(environment, 'delete', email);
    expect([await state(), (await app.login(email)).status]).toEqual([undefined, 401]);
    expect(await app.query('SELECT FROM sessions')).toEqual([]);
  });

  it.each([['disable'], ['list', 'a@example.com'], ['promote', 'a@example.com'], []])(
    'refuses %s %s with the usage',
    async (...args) => {
      await expect(users({}, ...args)).rejects.toThrow('usage: npm run users --');
    },
  );

  it('says which foreign key of an application forbids a deletion', async () => {
    const app = await startApp();
    const environment = { DATABASE_URL: app.databaseUrl, MASTER_SECRET };
    const { email, userId } = await app.signIn();
    await app.query('CREATE TABLE test_notes (user_id uuid REFERENCES users (id))');
    await app.query('INSERT INTO test_notes VALUES ($1)', [userId]);
    await expect(users(environment, 'delete', email)).rejects.toThrow(
      /The user cannot be deleted: .*violates foreign key constraint "test_notes_user_id_fkey" on table "test_notes"\. Delete those rows first/,
    );
    expect((await app.login(email)).status).toBe(200);
  });

  it('reports an unknown user', async () => {
    const environment = { DATABASE_URL: await createDatabase(), MASTER_SECRET };
    await expect(users(environment, 'delete', 'nobody@example.com')).rejects.toThrow('There is no such user.');
  });
});

describe('METRICS_PORT', () => {
  it('serves numbers that change, apart from the API', async () => {
    const app = await startApp({ changes: { metricsPort: 0, databasePoolSize: 1, argon2MemoryKib: 19_456 } });
    const port = app.nest.get(MetricsServer, { strict: false }).port;
    const read = async (name: string): Promise<number> => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
    };
    const other = await fetch(`http://127.0.0.1:${port}/other`);
    expect([other.status, other.headers.get('x-content-type-options')]).toEqual([404, 'nosniff']);
    expect((await fetch(`${app.url}/metrics`)).status).toBe(404);
    expect(await read('gatehouse_database_waiting')).toBe(0);
    const client = new pg.Client({ connectionString: app.databaseUrl });
    await client.connect();
    onTestFinished(() => client.end());
    await client.query('BEGIN; LOCK TABLE users');
    const held = Array.from({ length: 5 }, () => app.login('nobody@example.com'));
    await expect.poll(() => read('gatehouse_database_waiting')).toBe(4);
    expect(await read('gatehouse_database_connections')).toBe(1);
    await client.query('COMMIT');
    await Promise.all(held);
    const hashing = Array.from({ length: 30 }, () => app.login('nobody@example.com'));
    await expect.poll(() => read('gatehouse_hashes_running'), { interval: 1 }).toBeGreaterThan(0);
    await Promise.all(hashing);
    expect(await read('gatehouse_hashes_running')).toBe(0);
    expect(await read('gatehouse_cached_tokens')).toBe(0);
    await app.me((await app.signIn()).token);
    expect(await read('gatehouse_cached_tokens')).toBe(1);
    expect(await read('gatehouse_cached_token_bytes')).toBeGreaterThan(500);
  });

  it('counts responses by route and status, token lookups, refusals by limits and revocations', async () => {
    const app = await startApp({ changes: { metricsPort: 0, rateLimits: 'on' } });
    const port = app.nest.get(MetricsServer, { strict: false }).port;
    const read = async (line: string): Promise<number> => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const found = text.split('\n').find((each) => each.startsWith(`${line} `));
      return Number(found?.slice(line.length) ?? Number.NaN);
    };
    const { token, email } = await app.signIn();
    await app.me(token);
    await app.me(token);
    await app.me('x.y.z');
    await app.login(email, 'not the passphrase');
    await app.call('GET', '/nothing');
    const requests = (method: string, route: string, status: number): Promise<number> =>
      read(`gatehouse_requests_total{method="${method}",route="${route}",status="${status}"}`);
    expect(await requests('GET', '/v1/auth/me', 200)).toBe(2);
    expect(await requests('GET', '/v1/auth/me', 401)).toBe(1);
    expect(await requests('POST', '/v1/auth/login', 200)).toBe(1);
    expect(await requests('POST', '/v1/auth/login', 401)).toBe(1);
    expect(await requests('GET', '', 404)).toBe(1);
    expect(await read('gatehouse_token_lookups_total{outcome="hit"}')).toBe(1);
    expect(await read('gatehouse_token_lookups_total{outcome="miss"}')).toBe(2);
    expect(await read('gatehouse_revocation_lag_seconds')).toBe(0);
    const loggedOutAt = performance.now();
    await app.logout(token);
    await expect.poll(() => read('gatehouse_revocation_lag_seconds')).toBeGreaterThan(0);
    const elapsedSeconds = (performance.now() - loggedOutAt) / 1000;
    expect(await read('gatehouse_revocation_lag_seconds')).toBeLessThan(elapsedSeconds);
    expect(await read('gatehouse_key_age_seconds{state="active"}')).toBeGreaterThan(0);
    expect(await read('gatehouse_limited_total{limit="account"}')).toBe(0);
    await setFailures(app, email, 20, 300);
    for (let turn = 0; turn < 3; turn++) await app.login(email, 'not the passphrase');
    expect(await read('gatehouse_limited_total{limit="account"}')).toBe(3);
    expect(await read('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0);
  });
});
