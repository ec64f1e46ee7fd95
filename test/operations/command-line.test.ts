import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createDatabase, emptyDatabase, query } from '../support/app.js';
import {
  expectFailure,
  gatehouse,
  linkProductionPackages,
  newFolder,
  type Result,
  resultOf,
  SURROUNDINGS,
  withoutSources,
  words,
} from '../support/command-line.js';
import { casesOf } from '../support/exhaustive.js';
import { freePort, MASTER_SECRET } from '../support/processes.js';

async function main(line: string, env: Record<string, string>): Promise<Result> {
  return resultOf(process.execPath, ['dist/main.js', ...words(line)], { env: { ...SURROUNDINGS, ...env } });
}

/** `gatehouse`, whose stdout is on a full disk. */
async function gatehouseOnFullDisk(line: string, env: Record<string, string>): Promise<Result> {
  const script = `exec '${process.execPath}' dist/cli/gatehouse.js ${line} >/dev/full`;
  return resultOf('sh', ['-c', script], { env: { ...SURROUNDINGS, ...env } });
}

/** The beginning of the message of a command that was done on a full disk. */
function doneUnwritten(command: string): RegExp {
  return new RegExp(`^\`${command}\` was done, but the output cannot be written: .*ENOSPC`);
}

/** Settings that no command can use: what succeeds with them has not read them. */
const UNUSABLE = { DATABASE_URL: 'mysql://h/d' };

/** Every level of the help; the first is that of `gatehouse` itself. */
const HELP = ['', 'start', 'migrate', 'migrate:new', 'seed', 'reset', 'after-restore', 'events'].concat(
  [
    'users',
    'users list',
    'users show',
    'users invite',
    'users reset',
    'users verify',
    'users disable',
    'users enable',
    'users unlock',
    'users delete',
  ],
  ['users grant', 'users ungrant', 'users set-app-data'],
  ['keys', 'keys list', 'keys rotate', 'keys revoke'],
  ['mail', 'mail test', 'mail list', 'mail show'],
);

/** One of each command, as it is done. */
const COMMANDS = [
  'start',
  'migrate',
  'migrate:new name',
  'seed --force',
  'reset --force',
  'after-restore',
  'users list',
  'keys list',
  'events',
];
/** Those that need a migrated database. */
const ON_SERVICES = [
  'after-restore',
  'users list',
  'users invite ada@example.com',
  'users reset ada@example.com',
  'users verify ada@example.com',
  'users disable ada@example.com',
  'users enable ada@example.com',
  'users unlock ada@example.com',
  'users delete ada@example.com',
  'users grant ada@example.com editor',
  'users ungrant ada@example.com editor',
  'users set-app-data ada@example.com {}',
  'users show ada@example.com',
  'keys list',
  'keys rotate',
  'keys revoke kid',
  'events',
];

/** They differ in how they come to a database and to the services. */
const SOME_COMMANDS = ['start', 'migrate', 'seed --force', 'users list'];
const SOME_ON_SERVICES = ['after-restore', 'users list', 'keys revoke kid', 'events'];

/** Runs two commands at a time. */
async function expectAllToFail(
  env: Record<string, string>,
  reason: RegExp,
  commands = casesOf(COMMANDS, SOME_COMMANDS),
): Promise<void> {
  const waiting = [...commands];
  const runWaiting = async (): Promise<void> => {
    for (let line = waiting.shift(); line !== undefined; line = waiting.shift())
      expectFailure(line, await gatehouse(words(line), env), reason);
  };
  await Promise.all([runWaiting(), runWaiting()]);
}

describe('the help', () => {
  it.each(HELP)(
    'of gatehouse %s says what it does, its arguments and its exit codes, without settings',
    async (command) => {
      const { code, stdout, stderr } = await gatehouse([...words(command), '--help'], UNUSABLE);
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(new RegExp(`^Usage: gatehouse ${command}`));
      expect(stdout).toMatch(/^Exit codes: 0 done; 1 not done, .*; 128 \+ n ended by signal n\.$/m);
      for (const argument of stdout.split('\n')[0]?.match(/\b[A-Z_]{2,}\b/g) ?? []) expect(stdout).toContain(argument);
      expect(stdout).toMatch(/Needs|needs/);
    },
  );

  it('of a command is also printed by gatehouse help, and the version by --version', async () => {
    const asked = await gatehouse(['help', 'seed'], UNUSABLE);
    expect(asked).toEqual(await gatehouse(['seed', '-h'], UNUSABLE));
    const nested = await gatehouse(['help', 'keys', 'revoke'], UNUSABLE);
    expect(nested).toEqual(await gatehouse(['keys', 'revoke', '--help'], UNUSABLE));
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(await gatehouse(['--version'], UNUSABLE)).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('a wrong command line', () => {
  it.each([
    ['', 'npx --no-install gatehouse COMMAND (missing command; --help lists the commands)'],
    [
      'strat',
      "npx --no-install gatehouse COMMAND (unknown command 'strat', did you mean start? --help lists the commands)",
    ],
    ['bogus', "npx --no-install gatehouse COMMAND (unknown command 'bogus'; --help lists the commands)"],
    [
      'strat --help',
      "npx --no-install gatehouse COMMAND (unknown command 'strat', did you mean start? --help lists the commands)",
    ],
    [
      'help strat',
      "npx --no-install gatehouse COMMAND (unknown command 'strat', did you mean start? --help lists the commands)",
    ],
    ['users lst -h', "set-app-data ADDRESS JSON (unknown command 'lst', did you mean list? --help lists the commands)"],
    [
      'users',
      'npm run users -- list | show ADDRESS | invite ADDRESS | reset ADDRESS | verify ADDRESS | disable ADDRESS | enable ADDRESS | unlock ADDRESS | delete ADDRESS | grant ADDRESS ROLE | ungrant ADDRESS ROLE | set-app-data ADDRESS JSON (missing',
    ],
    ['users grant a@example.com', "npm run users -- grant ADDRESS ROLE (missing required argument 'ROLE')"],
    ['users set-app-data a@example.com', "-- set-app-data ADDRESS JSON (missing required argument 'JSON')"],
    ['users lst', "set-app-data ADDRESS JSON (unknown command 'lst', did you mean list? --help lists the commands)"],
    ['users list all', "npm run users -- list (too many arguments for 'list'. Expected 0 arguments but got 1: all)"],
    ['users disable', "npm run users -- disable ADDRESS (missing required argument 'ADDRESS')"],
    ['users disable ada', "npm run users -- disable ADDRESS ('ada' is not an email address)"],
    ['users delete --froce', "npm run users -- delete ADDRESS ('--froce' is not an email address)"],
    ['users delete a@example.com --force', 'npm run users -- delete ADDRESS (too many arguments'],
    ['keys', 'npm run keys -- list | rotate | revoke KID (missing'],
    [
      'keys revoek x',
      "npm run keys -- list | rotate | revoke KID (unknown command 'revoek', did you mean revoke? --help lists the commands)",
    ],
    ['keys revoke', "npm run keys -- revoke KID (missing required argument 'KID')"],
    ['keys rotate now', "npm run keys -- rotate (too many arguments for 'rotate'"],
    [
      'events not-a-uuid',
      "npm run events [-- ADDRESS | USER_ID] ('not-a-uuid' is neither an email address nor a user id",
    ],
    ['events a@example.com b@example.com', "npm run events [-- ADDRESS | USER_ID] (too many arguments for 'events'"],
    ['mail', 'npm run mail -- test ADDRESS | list [ADDRESS] | show [NAME] (missing'],
    ['mail test', "npm run mail -- test ADDRESS (missing required argument 'ADDRESS')"],
    ['mail test ada', "npm run mail -- test ADDRESS ('ada' is not an email address)"],
    ['mail list all', "npm run mail -- list [ADDRESS] ('all' is not an email address)"],
    ['mail list a@b.de c@d.de', "npm run mail -- list [ADDRESS] (too many arguments for 'list'"],
    ['start now', "npm start (too many arguments for 'start'"],
    ['start --port 1', "npm start (unknown option '--port')"],
    ['migrate --force', "npm run db:migrate (unknown option '--force')"],
    ['migrate:new', "npm run db:migrate:new -- NAME (missing required argument 'NAME')"],
    ['migrate:new Upper', "npm run db:migrate:new -- NAME ('Upper' is not 1 to 61 lower-case letters"],
    [
      'seed --user 3',
      "npm run db:seed -- [--users N [--sessions N] [--events N]] [--force] (unknown option '--user', did you mean --users?)",
    ],
    [
      'seed --users',
      "npm run db:seed -- [--users N [--sessions N] [--events N]] [--force] (option '--users <N>' argument missing)",
    ],
    [
      'seed --users many',
      "npm run db:seed -- [--users N [--sessions N] [--events N]] [--force] ('many' is not a whole number of at most 8 digits)",
    ],
    [
      'seed --users 1 --events -1',
      "npm run db:seed -- [--users N [--sessions N] [--events N]] [--force] ('-1' is not a whole number of at most 8 digits)",
    ],
    [
      'seed --events 1',
      "npm run db:seed -- [--users N [--sessions N] [--events N]] [--force] (option '--sessions' or '--events' without '--users')",
    ],
    ['reset --froce', "npm run db:reset [-- --force] (unknown option '--froce', did you mean --force?)"],
    ['after-restore now', "npm run after-restore [-- --jwt-secret-changed] (too many arguments for 'after-restore'"],
  ])('gatehouse %s prints the usage and what is wrong on one line', async (line, usage) => {
    const result = await gatehouse(words(line), UNUSABLE);
    expectFailure(line, result, /^usage: /);
    expect(result.stderr).toContain(`${usage.startsWith('np') ? 'usage: ' : ''}${usage}`);
    expect(result.stdout).toBe('');
  });
});

describe('a very long argument', () => {
  const long = 'x'.repeat(100_000);
  it.each([
    ['the command', [long]],
    ['a subcommand', ['users', long]],
    ['an argument too many', ['start', long]],
    ['a thousand arguments too many', ['users', 'list', ...Array.from({ length: 1000 }, () => 'word')]],
    ['an address', ['users', 'disable', long]],
    ['an option', ['seed', `--${long}`]],
    ['the value of an option', ['seed', '--users', long]],
    ['the value of an option after =', ['seed', `--users=${long}`]],
    ['the command to help with', ['help', long]],
  ])('is quoted to 80 characters at most: %s', async (_what, args) => {
    const { code, stderr } = await gatehouse(args, UNUSABLE);
    expect(stderr).toMatch(/^usage: .*\)\n$/);
    expect(stderr).toMatch(/(?:x{78,80}|(?:word, ){13}wo)…/);
    expect(stderr.length).toBeLessThan(400);
    expect(code).toBe(1);
  });

  it('that is the kid of no key is quoted so, too', async () => {
    const env = { DATABASE_URL: await createDatabase(), MASTER_SECRET };
    const { code, stderr } = await gatehouse(['keys', 'revoke', long], env);
    expect(stderr).toMatch(/^There is no key x{80}…, or it is gone already\./);
    expect(code).toBe(1);
  });
});

describe('node dist/main.js, which npm start runs,', () => {
  it('with arguments does as gatehouse start: prints the help, and refuses all others', async () => {
    expect(await main('--help', UNUSABLE)).toEqual(await gatehouse(['start', '--help'], UNUSABLE));
    for (const line of ['--port 3', 'users list', 'help'])
      expectFailure(line, await main(line, UNUSABLE), /^usage: npm start \(/);
  });

  it('without arguments does not load commander', async () => {
    const hook = `import { registerHooks } from 'node:module'; registerHooks({ resolve(name, context, next) { if (name === 'commander') process.stderr.write('commander was loaded\\n'); return next(name, context); } });`;
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(hook)}`;
    const env = { ...SURROUNDINGS, ...UNUSABLE, NODE_OPTIONS };
    const run = async (...args: string[]): Promise<string> => (await resultOf(process.execPath, args, { env })).stderr;
    expect(await run('dist/main.js')).not.toContain('commander was loaded');
    expect(await run('dist/cli/gatehouse.js', 'start')).toContain('commander was loaded');
  });
});

describe('a working directory that does not exist', () => {
  it.each(['dist/main.js', 'dist/cli/gatehouse.js users list', 'dist/cli/gatehouse.js --help'])(
    'ends %s with what to do',
    async (line) => {
      const [file = '', ...args] = words(line);
      const script = 'mkdir "$0/gone" && cd "$0/gone" && rmdir "$0/gone" && exec "$@"';
      const command = ['-c', script, newFolder(), process.execPath, resolve(file), ...args];
      const result = await resultOf('sh', command, { env: SURROUNDINGS });
      expect(result).toEqual({
        code: 1,
        stdout: '',
        stderr: 'The working directory does not exist any more: change to one that does, and run the command again\n',
      });
    },
  );
});

describe('a .env that is no regular file', () => {
  it.each(['dist/main.js', 'dist/cli/gatehouse.js users list'])(
    'ends %s at once',
    { timeout: 20_000 },
    async (line) => {
      const [file = '', ...args] = words(line);
      const cwd = newFolder();
      execFileSync('mkfifo', [join(cwd, '.env')]);
      const options = { cwd, env: SURROUNDINGS, timeout: 10_000, killSignal: 'SIGKILL' as const };
      const { stderr } = await resultOf(process.execPath, [resolve(file), ...args], options);
      expect(stderr).toMatch(
        /^The settings are not usable:\s+\.env is not a regular file: put one in its place, or remove it\n$/,
      );
    },
  );
});

describe('SIGUSR1', () => {
  it('does not open the inspector of Node in a command', async () => {
    const url = await createDatabase();
    const [holder, watcher] = await Promise.all(
      [1, 2].map(async () => {
        const client = new pg.Client({ connectionString: url });
        await client.connect();
        onTestFinished(() => client.end());
        return client;
      }),
    );
    await holder?.query('BEGIN; LOCK TABLE users');
    const child = spawn(process.execPath, ['dist/cli/gatehouse.js', 'users', 'list'], {
      env: { ...SURROUNDINGS, DATABASE_URL: url, MASTER_SECRET },
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const exited = once(child, 'exit');
    const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
    await expect.poll(async () => (await watcher?.query(waiting))?.rowCount, { timeout: 20_000 }).toBe(1);
    child.kill('SIGUSR1');
    await holder?.query('ROLLBACK');
    expect(await exited).toEqual([0, null]);
    expect(stderr).toBe('');
  });

  it('does not open it in the process that applies migrations', async () => {
    const env = { ...SURROUNDINGS, DATABASE_URL: await emptyDatabase(), MASTER_SECRET };
    const child = spawn(process.execPath, ['dist/cli/gatehouse.js', 'migrate'], { env });
    const exited = once(child, 'exit');
    const argumentsOfProcess = (): string => {
      const pids = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
      return pids === '' ? '' : readFileSync(`/proc/${pids}/cmdline`, 'utf8').replaceAll('\0', ' ');
    };
    const disabled = / --disable-sigusr1 .*apply-migrations\.process\.js/;
    await expect.poll(argumentsOfProcess, { timeout: 20_000, interval: 10 }).toMatch(disabled);
    expect(await exited).toEqual([0, null]);
  });

  it('is disabled in each npm script that runs the command', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    const running = Object.values(scripts).filter((script) => /dist\/(?:main|cli\/gatehouse)\.js/.test(script));
    expect(running).toHaveLength(10);
    for (const script of running) expect(script).toContain('node --disable-sigusr1 dist/');
  });
});

describe('every command fails with one line', () => {
  it('on settings that are malformed', () =>
    expectAllToFail(
      { DATABASE_URL: 'mysql://user:hidden@h/d', PORT: 'hidden' },
      /^The settings are not usable: PORT is not .*; DATABASE_URL does not start with postgresql:\/\/\n/,
    ));

  it('on a database that does not answer', async () => {
    const DATABASE_URL = `postgresql://nobody:hidden@127.0.0.1:${await freePort()}/none`;
    await expectAllToFail(
      { DATABASE_URL, MASTER_SECRET, DATABASE_STARTUP_SECONDS: '0' },
      /^The database of DATABASE_URL at 127\.0\.0\.1:\d+ did not answer: connect ECONNREFUSED \S+\. Check that it runs and accepts connections, and that DATABASE_URL names its host and port\.\n$/,
    );
  });

  it('on a database that refuses the password', async () => {
    const url = new URL(await createDatabase());
    url.password = 'hidden';
    await expectAllToFail(
      { DATABASE_URL: url.href, MASTER_SECRET, LOG_LEVEL: 'silent' },
      /^The database of DATABASE_URL at \S+ refuses the login: .*password authentication failed.*\. Correct the user name and the password in DATABASE_URL, or the server's pg_hba\.conf\.\n$/,
    );
  });

  it('on a MASTER_SECRET that is not the one of the keys', async () => {
    const DATABASE_URL = await createDatabase();
    await gatehouse(['after-restore'], { DATABASE_URL, MASTER_SECRET });
    await expectAllToFail(
      { DATABASE_URL, MASTER_SECRET: 'Xq8vN3kLw0pXr7TyUiOaSdFgHjKl1299' },
      /^key \S+ needs another MASTER_SECRET than the one given: set the one that encrypted it; if it is lost, see docs\/operations\.md, "A lost MASTER_SECRET"\n$/,
      ['start', 'after-restore'],
    );
  });

  it('on a database that is read-only', async () => {
    const DATABASE_URL = await createDatabase();
    const env = { DATABASE_URL, MASTER_SECRET };
    await gatehouse(['seed', '--force'], env);
    const client = new pg.Client({ connectionString: DATABASE_URL });
    await client.connect();
    onTestFinished(() => client.end());
    await client.query(
      `ALTER DATABASE ${pg.escapeIdentifier(client.database ?? '')} SET default_transaction_read_only = on`,
    );
    await expectAllToFail(
      env,
      /^The database\b.* is read-only: cannot execute [A-Z ]+ in a read-only transaction\. Name the primary server in DATABASE_URL, or remove default_transaction_read_only from the role and the database\.\n$/,
      ['reset --force', 'seed --force', 'users delete admin@example.com'],
    );
  });

  it('on a database that was not migrated, unless it migrates', async () => {
    const DATABASE_URL = await emptyDatabase();
    const commands = ['start', 'seed --force', ...casesOf(ON_SERVICES, SOME_ON_SERVICES)];
    await expectAllToFail(
      { DATABASE_URL, MASTER_SECRET },
      /^The schema of DATABASE_URL is behind this version: run `npm run db:migrate`, or start the service with MIGRATE_ON_START=on\.\n$/,
      commands,
    );
  });

  it('before the embedded database was created, and creates nothing', async () => {
    const DATA_DIR = join(newFolder(), 'data');
    await expectAllToFail(
      { DATA_DIR },
      /^The embedded database in \S+\/data \(DATA_DIR\) has not been created yet: start the service once \(`npm start`\), or run `npm run db:migrate`\.\n$/,
      casesOf(ON_SERVICES, SOME_ON_SERVICES),
    );
    expect(existsSync(DATA_DIR)).toBe(false);
  });

  it('on a user or a key that does not exist', async () => {
    const env = { DATABASE_URL: await createDatabase(), MASTER_SECRET };
    const makesUsers = 'users invite ada@example.com';
    const ofUser = ON_SERVICES.filter((line) => line.endsWith('@example.com') && line !== makesUsers);
    await expectAllToFail(env, /^There is no such user\. `npm run users -- list` lists them\.\n$/, [
      ...casesOf(ofUser, ['users show ada@example.com', 'users grant ada@example.com editor']),
      'events ada@example.com',
      'users delete -x@example.com',
    ]);
    await expectAllToFail(env, /^There is no key -?kid, or it is gone already\.\n$/, [
      'keys revoke kid',
      'keys revoke -kid',
    ]);
    expect(await gatehouse(['events', '00000000-0000-7000-8000-000000000000'], env)).toMatchObject({
      code: 0,
      stdout: '',
    });
  });
});

describe('a database that fails while a command runs', () => {
  it('is one line with the reason', async () => {
    const url = await createDatabase();
    const holder = new pg.Client({ connectionString: url });
    await holder.connect();
    onTestFinished(() => holder.end());
    await holder.query('BEGIN; LOCK TABLE users');
    await expectAllToFail(
      { DATABASE_URL: url, MASTER_SECRET, DATABASE_LOCK_TIMEOUT_MS: '100' },
      /^The database failed while the command ran: canceling statement due to lock timeout\. It was possibly not done: run it again\.\n$/,
      ['users list', 'users delete ada@example.com', 'seed --force'],
    );
  });
});

/** A session of somebody else, such as a running pg_dump. */
async function openSession(url: string, sql: string): Promise<pg.Client> {
  const session = new pg.Client({ connectionString: url, application_name: 'backup' });
  await session.connect();
  onTestFinished(() => session.end());
  await session.query(sql);
  return session;
}

const WAITING = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

describe('a table that is in use', () => {
  it('is not dropped by reset, which says who uses it', async () => {
    const url = await createDatabase();
    const session = await openSession(url, 'BEGIN; SELECT count(*) FROM users');
    const env = { DATABASE_URL: url, DATABASE_LOCK_TIMEOUT_MS: '300' };
    await expectAllToFail(
      env,
      /^The schema "public" is in use, so nothing was dropped: stop the service and other sessions, .* backup \(pid \d+, role \S+\)\.\n$/,
      ['reset --force'],
    );
    await session.query('ROLLBACK');
    expect(await gatehouse(['reset', '--force'], env)).toMatchObject({ code: 0, stderr: '' });
  });

  it.each(
    casesOf<readonly [string, NodeJS.Signals]>(
      [
        ['reset --force', 'SIGINT'],
        ['reset --force', 'SIGKILL'],
        ['seed --force --users 3', 'SIGTERM'],
        ['seed --force --users 3', 'SIGKILL'],
        ['users delete ada@example.com', 'SIGINT'],
        ['migrate', 'SIGINT'],
        ['migrate', 'SIGKILL'],
      ],
      [
        ['reset --force', 'SIGKILL'],
        ['seed --force --users 3', 'SIGTERM'],
        ['users delete ada@example.com', 'SIGINT'],
        ['migrate', 'SIGINT'],
      ],
    ),
  )('is not changed later, when %s waits for it and is ended by %s', async (line, signal) => {
    const folder = newFolder();
    withoutSources(folder);
    linkProductionPackages(folder);
    mkdirSync(join(folder, 'prisma/migrations/29990101000000_late'));
    const url = await createDatabase();
    await gatehouse(['seed', '--force'], { DATABASE_URL: url, MASTER_SECRET });
    await query(url, "UPDATE users SET email = 'ada@example.com', email_lower = 'ada@example.com'");
    const rows = async (): Promise<unknown> => query(url, 'SELECT * FROM users');
    const before = await rows();
    // The reset and the migration wait for a reader, the others for a writer.
    const mode = /^(?:reset|migrate)/.test(line) ? 'ACCESS SHARE' : 'EXCLUSIVE';
    const session = await openSession(url, `BEGIN; LOCK TABLE users IN ${mode} MODE`);
    if (line === 'migrate')
      writeFileSync(
        join(folder, 'prisma/migrations/29990101000000_late/migration.sql'),
        'ALTER TABLE users ADD COLUMN late int;\n',
      );
    else rmSync(join(folder, 'prisma/migrations/29990101000000_late'), { recursive: true });
    const child = spawn(process.execPath, [join(folder, 'dist/cli/gatehouse.js'), ...words(line)], {
      env: {
        ...SURROUNDINGS,
        DATABASE_URL: url,
        MASTER_SECRET,
        DATABASE_LOCK_TIMEOUT_MS: '60000',
        DATABASE_STATEMENT_TIMEOUT_MS: '60000',
      },
      stdio: 'ignore',
    });
    const exited = once(child, 'exit');
    await expect.poll(() => query(url, WAITING), { timeout: 20_000 }).toHaveLength(1);
    child.kill(signal);
    await exited;
    await expect.poll(() => query(url, WAITING), { timeout: 5000 }).toEqual([]);
    await session.query('COMMIT');
    expect(await rows()).toEqual(before);
  });
});

describe('a migration that is not finished', () => {
  it('ends the commands that do not migrate, at once', async () => {
    const url = await createDatabase();
    await query(
      url,
      `UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = (SELECT max(migration_name) FROM _prisma_migrations)`,
    );
    const env = { DATABASE_URL: url, MASTER_SECRET };
    const commands = casesOf(['users list', 'seed --force', 'keys list'], ['users list', 'seed --force']);
    const start = performance.now();
    await expectAllToFail(
      env,
      /^The migration \d{14}_\w+, started at \S+, did not finish yet\. No process holds the migration lock, .*`npx prisma migrate resolve --rolled-back/,
      commands,
    );
    await openSession(url, 'SELECT pg_advisory_lock(4701001)');
    await expectAllToFail(env, /^The migration \d{14}_\w+, .*did not finish yet\. A process still holds/, commands);
    await query(url, 'DELETE FROM _prisma_migrations WHERE finished_at IS NULL');
    await expectAllToFail(
      env,
      /^Another process did not finish migrating yet: start again when it has finished\.\n$/,
      commands,
    );
    expect(performance.now() - start).toBeLessThan(55_000);
  });
});

describe('a database that is busy or has no keys', () => {
  it.each(casesOf(['users', 'signing_keys', '_prisma_migrations'], ['users', '_prisma_migrations']))(
    'is named where a lock on %s keeps a command from its work',
    async (table) => {
      const url = await createDatabase();
      await openSession(url, `BEGIN; LOCK TABLE ${table}`);
      const timeouts = { DATABASE_LOCK_TIMEOUT_MS: '5000', DATABASE_STATEMENT_TIMEOUT_MS: '500' };
      await expectAllToFail(
        { DATABASE_URL: url, MASTER_SECRET, ...timeouts },
        /^(?:The database of DATABASE_URL at \S+ is busy: (?:Query read timeout|canceling statement due to statement timeout)\. Try again once other sessions have released their locks \(pg_locks\)\.|The database failed while the command ran: .* run it again\.)\n$/,
        table === 'users' ? ['users list'] : casesOf(['keys list', 'keys rotate'], ['keys rotate']),
      );
    },
  );

  it('has no key to rotate before the service has created one, and gets none', async () => {
    const url = await createDatabase();
    await expectAllToFail(
      { DATABASE_URL: url, MASTER_SECRET },
      /^There is no active signing key to replace: start the service once \(`npm start`\), which creates it\.\n$/,
      ['keys rotate'],
    );
    expect(await query(url, 'SELECT FROM signing_keys')).toEqual([]);
  });
});

describe('an embedded database that does not start', () => {
  it('because it cannot be written is one line with the cause', async () => {
    const DATA_DIR = newFolder();
    chmodSync(DATA_DIR, 0o711);
    // No file may grow beyond this, as on a full disk.
    const script = `trap '' XFSZ; ulimit -f 100; exec '${process.execPath}' dist/cli/gatehouse.js migrate`;
    const stderr = await new Promise<string>((done) => {
      const env = { ...SURROUNDINGS, DATA_DIR };
      execFile('bash', ['--norc', '-c', script], { env }, (_error, _stdout, text) => done(text));
    });
    expect(stderr).toMatch(
      /^PostgreSQL could not be initialised in \S+: could not write to file "\S+": File too large\.\n$/,
    );
  });

  it('is reported with the lines of its log', async () => {
    const DATA_DIR = newFolder();
    chmodSync(DATA_DIR, 0o711);
    expect(await gatehouse(['migrate'], { DATA_DIR })).toMatchObject({ code: 0, stderr: '' });
    appendFileSync(join(DATA_DIR, 'postgres/postgresql.conf'), 'shared_buffers = 1\nno_such_setting = 1\n');
    const { code, stderr } = await gatehouse(['migrate'], { DATA_DIR });
    expect(stderr).toMatch(/^PostgreSQL does not start; \S+ says:\n(?: {2}\S.*\n){2,}$/);
    expect(stderr).toMatch(/^ {2}\S.* unrecognized configuration parameter "no_such_setting"/m);
    expect(code).toBe(1);
  });
});

describe('gatehouse migrate:new', () => {
  it('silences no warning but those of experimental features', async () => {
    const warn =
      "process.on('exit', () => process.emit('warning', Object.assign(new Error('shown'), { name: 'Warning' })))";
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(warn)}`;
    const DATABASE_URL = `postgresql://nobody@127.0.0.1:${await freePort()}/none`;
    const { stderr } = await gatehouse(['migrate:new', 'name'], { DATABASE_URL, NODE_OPTIONS });
    expect(stderr).toMatch(/^The database of DATABASE_URL .*\n\(node:\d+\) Warning: shown\n/);
    expect(stderr).not.toContain('ExperimentalWarning');
  });
});

describe('a closed output', () => {
  let env: Record<string, string>;
  beforeAll(async () => {
    env = { DATABASE_URL: await createDatabase(afterAll), MASTER_SECRET };
    await gatehouse(['seed', '--force'], env);
  });

  it.each(casesOf(['--help', 'users list', 'keys list', 'events'], ['--help', 'users list']))(
    'of gatehouse %s is exit code 0',
    async (line) => {
      const script = `'${process.execPath}' dist/cli/gatehouse.js ${line} | exec true; echo "\${PIPESTATUS[0]}"`;
      const child = spawn('bash', ['-c', script], {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
      await once(child, 'close');
      expect(output).toBe('0\n');
    },
  );

  it('does not end a command that changes something before it is done', async () => {
    const fresh = { DATABASE_URL: await createDatabase(), MASTER_SECRET };
    const script = `'${process.execPath}' dist/cli/gatehouse.js seed --force --users 30000 | exec true; echo "\${PIPESTATUS[0]}"`;
    const output = execFileSync('bash', ['-c', script], { env: { ...process.env, ...fresh }, encoding: 'utf8' });
    expect(output).toBe('0\n');
    const client = new pg.Client({ connectionString: fresh.DATABASE_URL });
    await client.connect();
    onTestFinished(() => client.end());
    expect((await client.query('SELECT FROM users')).rowCount).toBe(30_001);
  });
});

describe('an output that cannot be written', () => {
  it('is reported by a command that prints', async () => {
    const env = { DATABASE_URL: await createDatabase(), MASTER_SECRET };
    await gatehouse(['seed', '--force'], env);
    for (const line of casesOf(['users list', 'keys list', 'events', '--help'], ['events', '--help']))
      expectFailure(
        line,
        await gatehouseOnFullDisk(line, env),
        /^The output cannot be written: .*ENOSPC.*\. Free the disk/,
      );
  });

  it('is reported by a command that changes something once that is done', async () => {
    const env = { DATABASE_URL: await emptyDatabase(), MASTER_SECRET };
    expectFailure('migrate', await gatehouseOnFullDisk('migrate', env), doneUnwritten('npm run db:migrate'));
    expect((await gatehouse(['migrate'], env)).stdout).toBe('Nothing to migrate.\n');
    expectFailure(
      'after-restore',
      await gatehouseOnFullDisk('after-restore', env),
      doneUnwritten('npm run after-restore'),
    );
    expect((await gatehouse(['events'], env)).stdout).toContain('database_restored');
    expectFailure('reset', await gatehouseOnFullDisk('reset --force', env), doneUnwritten('npm run db:reset'));
  });

  it('loses the password of a seed, which says what to do', async () => {
    const env = { DATABASE_URL: await createDatabase(), MASTER_SECRET };
    const lost =
      /The password of admin@example\.com is lost: delete that user \(`npm run users -- delete admin@example\.com`\) and seed again\.\n$/;
    const result = await gatehouseOnFullDisk('seed --force --users 3', env);
    expectFailure('seed', result, /^`npm run db:seed` was done, but the output cannot be written: /);
    expectFailure('seed', result, lost);
    expect((await gatehouse(['users', 'list'], env)).stdout.split('\n')).toHaveLength(5);
    const again = await gatehouseOnFullDisk('seed --force', env);
    expectFailure('seed', again, /was done, but the output cannot be written/);
    expect(again.stderr).not.toMatch(lost);
  });
});

describe('in the checkout', () => {
  it('npx --no-install gatehouse runs the command, with the Node.js of the packages', async () => {
    const home = newFolder();
    const result = await new Promise<string>((done, failed) => {
      const env = {
        PATH: process.env['PATH'],
        HOME: home,
        npm_config_offline: 'true',
        npm_config_update_notifier: 'false',
      };
      execFile('npx', ['--no-install', 'gatehouse', 'users', 'lst'], { env }, (error, _stdout, stderr) =>
        error?.code === 1 ? done(stderr) : failed(new Error(stderr)),
      );
    });
    expect(result).toMatch(/^usage: npm run users -- .*did you mean list\? --help lists the commands\)\n$/);
  });
});

describe('docs/operations.md', () => {
  const [section = ''] = /## The command line\n[\s\S]+?\n## /.exec(readFileSync('docs/operations.md', 'utf8')) ?? [];

  it('lists every command with its usage and its npm script', async () => {
    const rows = [...section.matchAll(/^\| `([^`]+)` \| `(npm [^`]+)` \|/gm)].map(([, usage = '', script = '']) => ({
      usage: usage.replace('\\|', '|'),
      script: script.replace('\\|', '|'),
    }));
    const names = HELP.filter((line) => !['', 'users', 'keys', 'mail'].includes(line));
    expect(rows.map(({ usage }) => usage.replace(/ (?:\[.*|[A-Z ]+)$/, '')).toSorted()).toEqual(names.toSorted());
    for (const { usage, script } of rows) {
      const { stdout } = await gatehouse([...words(usage.replace(/ (?:\[.*|[A-Z ]+)$/, '')), '--help'], {});
      expect(stdout.split('\n')[0]?.replace(' [options]', '')).toBe(`Usage: gatehouse ${usage}`);
      expect(stdout).toContain(`\nIn this checkout: ${script} (builds first)\n`);
    }
  });
});
