import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { ChangeFeed } from '../../src/database/change-feed.js';
import { RevocationsPurgeJob } from '../../src/revocation/revocations-purge.job.js';
import { REVOCATION_LIFE_SECONDS } from '../../src/revocation/revocation-lifetime.js';
import { UserAdministrationService } from '../../src/users/user-administration.service.js';
import { UserRolesService } from '../../src/users/user-roles.service.js';
import { Users } from '../../src/users/users.js';
import { startApp, type TestApp } from '../support/app.js';
import { claimsOf, tokensOf, type Client } from '../support/client.js';
import { MASTER_SECRET } from '../support/processes.js';

/** A node that reaches its database refuses an outdated token within this time. */
const BOUND_MS = 1000;
const STALE = '401 token_stale';

let starting: Promise<void> | undefined;
/** Two nodes on one database: one changes users, the other is tested. */
let a: TestApp;
let b: TestApp;
const cleanups: (() => Promise<void>)[] = [];
const afterFile = (clean: () => Promise<void>): void => void cleanups.unshift(clean);

// Started once for the file, and not in beforeAll, where expect.poll cannot be used.
beforeEach(() => (starting ??= startNodes()), 60_000);
afterAll(async () => {
  for (const clean of cleanups) await clean();
});

async function startNodes(): Promise<void> {
  a = await startApp({}, afterFile);
  b = await startApp({ databaseUrl: a.databaseUrl }, afterFile);
}

const rolesAt = (node: TestApp): UserRolesService => node.nest.get(UserRolesService, { strict: false });
const readChanges = (node: TestApp): Promise<void> => node.nest.get(ChangeFeed, { strict: false }).readChanges();

async function verdict(node: Client, token: string): Promise<string> {
  const { status, body } = await node.me(token);
  return status === 200 ? '200' : `${status} ${String(body['code'])}`;
}

/** Milliseconds from now until the node refuses the token as outdated. */
async function refusalMs(node: Client, token: string): Promise<number> {
  const startedAt = performance.now();
  await expect.poll(() => verdict(node, token), { interval: 5, timeout: 5 * BOUND_MS }).toBe(STALE);
  return performance.now() - startedAt;
}

/** What a token says of its user's row. */
function rowOf(token: string): unknown[] {
  const { rv, roles } = claimsOf(token);
  return [rv, roles];
}

describe('a change of roles (ACC-05, ACC-07)', () => {
  it('makes its own node refuse the token at once and the other within a second, and a refresh gets the new roles', async () => {
    const user = await a.signIn();
    expect([rowOf(user.token), await verdict(b, user.token)]).toEqual([[0, undefined], '200']);
    await rolesAt(a).grantRole(user.userId, 'editor');
    expect(await verdict(a, user.token)).toBe(STALE);
    expect(await refusalMs(b, user.token)).toBeLessThan(BOUND_MS);
    const granted = tokensOf(await b.refresh(user.refreshToken));
    expect(rowOf(granted.token)).toEqual([1, ['editor']]);
    expect([await verdict(a, granted.token), await verdict(b, granted.token)]).toEqual(['200', '200']);
    await rolesAt(b).ungrantRole(user.userId, 'editor');
    expect(await refusalMs(a, granted.token)).toBeLessThan(BOUND_MS);
    const last = tokensOf(await a.refresh(granted.refreshToken));
    expect([rowOf(last.token), claimsOf(last.token)['sid']]).toEqual([[2, undefined], user.sessionId]);
    expect(await verdict(b, last.token)).toBe('200');
    expect(rowOf((await b.signInAs(user.email)).token)).toEqual([2, undefined]);
  });

  it.each([
    ['in capitals', (id: string) => id.toUpperCase()],
    ['in braces', (id: string) => `{${id}}`],
    ['without hyphens', (id: string) => id.replaceAll('-', '')],
    ['of a user who is not there', () => randomUUID()],
    ['that is no UUID', () => 'ada'],
  ])('for an id %s is made for its user or refused', async (_, spell) => {
    const users = a.nest.get(Users, { strict: false });
    const { userId, email } = await a.signIn();
    await users.grant(userId, 'editor');
    const { token } = await a.signInAs(email);
    const id = spell(userId);
    const outcomes = await Promise.allSettled([
      users.ungrant(id, 'editor'),
      users.setAppData(id, {}),
      users.disable(id),
    ]);
    const isKnown = id.toLowerCase() === userId;
    for (const outcome of outcomes) {
      if (isKnown) expect(outcome.status).toBe('fulfilled');
      else expect(outcome).toMatchObject({ status: 'rejected', reason: { kind: { code: 'user_not_found' } } });
    }
    await readChanges(b);
    expect([await verdict(a, token), await verdict(b, token)]).toEqual(
      isKnown ? ['401 token_revoked', '401 token_revoked'] : ['200', '200'],
    );
    expect((await users.find({ id: userId }))?.roles).toEqual(isKnown ? [] : ['editor']);
  });

  it('for an id in capitals refuses the tokens that have the role', async () => {
    const users = a.nest.get(Users, { strict: false });
    const { userId, email } = await a.signIn();
    await users.grant(userId, 'editor');
    const { token } = await a.signInAs(email);
    await users.ungrant(userId.toUpperCase(), 'editor');
    expect(await verdict(a, token)).toBe(STALE);
    expect(await refusalMs(b, token)).toBeLessThan(BOUND_MS);
  });

  it('by npm run users -- grant and ungrant does the same on both nodes, and a role that cannot be is named', async () => {
    const { email, token, refreshToken } = await a.signIn();
    const users = (...args: string[]) =>
      promisify(execFile)('node', ['dist/cli/gatehouse.js', 'users', ...args], {
        env: { ...process.env, DATABASE_URL: a.databaseUrl, MASTER_SECRET },
      });
    await users('grant', email.toUpperCase(), 'editor');
    const lags = await Promise.all([refusalMs(a, token), refusalMs(b, token)]);
    expect(Math.max(...lags)).toBeLessThan(BOUND_MS);
    const granted = tokensOf(await a.refresh(refreshToken));
    expect(rowOf(granted.token)).toEqual([1, ['editor']]);
    await users('ungrant', email, 'editor');
    await Promise.all([a, b].map((node) => refusalMs(node, granted.token)));
    const wrong = users('grant', email, 'Editor');
    await expect(wrong).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^A role is a lower-case letter/),
    });
  });

  it('changes nothing and refuses no token where the user has the role, or lacks it, already', async () => {
    const { userId, email } = await a.signIn();
    await rolesAt(a).grantRole(userId, 'editor');
    const { token } = await a.signInAs(email);
    await rolesAt(a).grantRole(userId, 'editor');
    await rolesAt(a).ungrantRole(userId, 'admin');
    expect([rowOf(token), await verdict(a, token)]).toEqual([[1, ['editor']], '200']);
  });

  it('of one user leaves the tokens of others as they are', async () => {
    const [one, other] = [await a.signIn(), await a.signIn()];
    await rolesAt(a).grantRole(one.userId, 'editor');
    expect([await verdict(a, one.token), await verdict(a, other.token)]).toEqual([STALE, '200']);
  });

  it('also outdates a token that names no version, as those of an earlier release', async () => {
    const token = await a.signTokenWith({ rv: undefined });
    expect([claimsOf(token)['rv'], await verdict(a, token)]).toEqual([undefined, '200']);
    await rolesAt(a).grantRole(String(claimsOf(token)['sub']), 'editor');
    expect(await verdict(a, token)).toBe(STALE);
  });

  it('is known to a node that starts later', async () => {
    const { userId, token } = await a.signIn();
    await rolesAt(a).grantRole(userId, 'editor');
    const later = await startApp({ databaseUrl: a.databaseUrl });
    expect(await verdict(later, token)).toBe(STALE);
  });

  it('is forgotten by the table once no token from before can be valid', async () => {
    const { userId } = await a.signIn();
    await rolesAt(a).grantRole(userId, 'editor');
    const rows = () =>
      a.query(`SELECT subject FROM revocations WHERE kind = 'user' AND subject LIKE $1`, [`${userId}%`]);
    expect(await rows()).toEqual([{ subject: `${userId}:1` }]);
    await a.query(`UPDATE revocations SET created_at = now() - make_interval(secs => $1) WHERE subject LIKE $2`, [
      REVOCATION_LIFE_SECONDS + 1,
      `${userId}%`,
    ]);
    await a.nest.get(RevocationsPurgeJob, { strict: false }).purgeRevocations();
    expect(await rows()).toEqual([]);
  });

  it('is refused for a text that is no role, and for more roles than fit, and then leaves everything as it was', async () => {
    const { userId, token } = await a.signIn();
    const refused = { kind: { code: 'validation_failed', status: 400 } };
    for (const role of ['', 'Admin', '1', '-a', 'a b', 'a,b', 'ä', 'a'.repeat(33), 'admin\n', 'a\0']) {
      await expect(rolesAt(a).grantRole(userId, role)).rejects.toMatchObject(refused);
    }
    expect(await verdict(a, token)).toBe('200');
    // Each takes 35 bytes of the list.
    const long = Array.from({ length: 14 }, (_, at) => String.fromCharCode(97 + at).repeat(32));
    for (const role of long) await rolesAt(a).grantRole(userId, role);
    await expect(rolesAt(a).grantRole(userId, 'z'.repeat(19))).rejects.toMatchObject(refused);
    await rolesAt(a).grantRole(userId, 'z'.repeat(18));
    const [row] = await a.query<{ roles: string[]; version: number }>(
      'SELECT roles, version FROM users WHERE id = $1',
      [userId],
    );
    expect([row?.roles.length, row?.version]).toEqual([15, 15]);
    await expect(rolesAt(a).grantRole(randomUUID(), 'editor')).rejects.toMatchObject({
      kind: { code: 'user_not_found' },
    });
  });
});

describe('tokens that are issued while roles change (ACC-07)', () => {
  it('have version and roles of one row, and none asked for after a change has a version from before', async () => {
    const { userId, email, refreshToken } = await a.signIn();
    let version = 0;
    const over = new AbortController();
    const mixed: unknown[] = [];
    const outdated: unknown[] = [];
    let issued = 0;
    // The role is there in odd versions.
    const check = (token: string, least: number): void => {
      issued++;
      const { rv, roles } = claimsOf(token) as { rv: number; roles?: string[] };
      if ((roles?.length ?? 0) !== rv % 2) mixed.push([rv, roles]);
      if (rv < least) outdated.push([rv, least]);
    };
    const repeat = async (ask: () => Promise<string>): Promise<void> => {
      while (!over.signal.aborted) {
        const least = version;
        check(await ask(), least);
      }
    };
    let current = refreshToken;
    const refresh = async (node: TestApp): Promise<string> => {
      const next = tokensOf(await node.refresh(current));
      current = next.refreshToken;
      return next.token;
    };
    const load = [
      repeat(() => refresh(b)),
      ...[a, b].map((node) => repeat(async () => (await node.signInAs(email)).token)),
    ];
    while (version < 40) {
      await rolesAt(a)[version % 2 === 0 ? 'grantRole' : 'ungrantRole'](userId, 'editor');
      version++;
    }
    over.abort();
    await Promise.all(load);
    expect([mixed, outdated]).toEqual([[], []]);
    expect(issued).toBeGreaterThan(5);
  }, 60_000);

  it('come from the row as it is when the session starts, not as it was when the password was verified', async () => {
    const { userId, email } = await a.signIn();
    // The row is locked: a login that has verified the password waits, and then sees the change.
    const rows = a.query(
      `BEGIN; SELECT FROM users WHERE id = '${userId}' FOR NO KEY UPDATE; SELECT pg_sleep(1.5);
       UPDATE users SET roles = '{editor}', version = version + 1 WHERE id = '${userId}'; COMMIT`,
    );
    const login = new Promise((resolve) => setTimeout(resolve, 200)).then(async () => (await b.signInAs(email)).token);
    await rows;
    expect(rowOf(await login)).toEqual([1, ['editor']]);
  });

  it('are not outdated where a refresh waited while the roles changed', async () => {
    const patient = { databaseStatementTimeoutMs: 30_000, databaseLockTimeoutMs: 30_000 };
    const node = await startApp({ databaseUrl: a.databaseUrl, changes: patient });
    const { userId, sessionId, refreshToken } = await node.signIn();
    const client = new pg.Client({ connectionString: a.databaseUrl });
    await client.connect();
    onTestFinished(() => client.end());
    await client.query('BEGIN');
    await client.query('SELECT FROM sessions WHERE id = $1 FOR NO KEY UPDATE', [sessionId]);
    const refresh = node.refresh(refreshToken);
    const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    await expect.poll(() => a.query(waiting), { interval: 10 }).toHaveLength(1);
    await rolesAt(node).grantRole(userId, 'editor');
    await client.query('COMMIT');
    const { token } = tokensOf(await refresh);
    expect([rowOf(token), await verdict(node, token)]).toEqual([[1, ['editor']], '200']);
  });
});

describe('a user who is disabled', () => {
  it('gets another version each time, so that credentials of no session are refused, too', async () => {
    const { email, token, userId } = await a.signIn();
    const users = a.nest.get(UserAdministrationService, { strict: false });
    const version = async () => (await a.query('SELECT version FROM users WHERE id = $1', [userId]))[0];
    await users.disableUser(email);
    await users.disableUser(email);
    expect([await version(), await verdict(a, token)]).toEqual([{ version: 1 }, '401 token_revoked']);
    await users.enableUser(email);
    expect(await version()).toEqual({ version: 2 });
    expect(rowOf((await b.signInAs(email)).token)).toEqual([2, undefined]);
    await readChanges(b);
    const sessionless = await a.query(`SELECT subject FROM revocations WHERE kind = 'user' AND subject LIKE $1`, [
      `${userId}%`,
    ]);
    expect(sessionless).toEqual([{ subject: `${userId}:1` }]);
  });
});

/** As pg_restore does it, within one transaction. */
const restore = (userId: string, roles: string, version: number): Promise<unknown> =>
  a.query(
    `BEGIN; TRUNCATE revocations; UPDATE users SET roles = '{${roles}}', version = ${version} WHERE id = '${userId}'; COMMIT`,
  );

describe('a database that is restored while nodes run (FLT-24, ACC-07)', () => {
  it.each([
    ['the nodes go on', async () => undefined],
    [
      'their connections break',
      () =>
        a.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'gatehouse feed%'`),
    ],
  ])('has the user served with new tokens, and none from before, where %s', async (_case, happens) => {
    const { userId, email, refreshToken } = await a.signIn();
    for (const role of ['editor', 'reader', 'writer']) await rolesAt(a).grantRole(userId, role);
    const before = tokensOf(await a.refresh(refreshToken));
    expect([rowOf(before.token)[0], await verdict(b, before.token)]).toEqual([3, '200']);
    await restore(userId, 'editor', 1);
    await happens();
    // A login on any node gets a token that all nodes accept.
    const later = await startApp({ databaseUrl: a.databaseUrl });
    await expect
      .poll(
        async () => {
          const { token } = await later.signInAs(email);
          return [rowOf(token), await verdict(a, token), await verdict(b, token), await verdict(later, token)];
        },
        { timeout: 10_000, interval: 100 },
      )
      .toEqual([[4, ['editor']], '200', '200', '200']);
    for (const node of [a, b, later]) await expect.poll(() => verdict(node, before.token)).toBe(STALE);
    expect((await a.query('SELECT version FROM users WHERE id = $1', [userId]))[0]).toEqual({ version: 4 });
  });
});
