import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ConnectionTarget } from '../../src/database/connection-string.js';
import { requireSessionSettings } from '../../src/database/session-settings.check.js';
import { afterAllTests, createDatabase, query } from '../support/app.js';
import { expectTimeNear } from '../support/timestamps.js';
import { MASTER_SECRET, startNode, type Node } from '../support/processes.js';

/** A zone five hours off, and a date style in which 11/12 is ambiguous. */
const OTHER_TIME_ZONE = `SET timezone = 'America/New_York'`;
const OTHER_DATE_STYLE = `SET datestyle = 'SQL, DMY'`;
/** Environment variables that libpq, `pg` and Node read. */
const OTHER_ENVIRONMENT = {
  TZ: 'Asia/Tokyo',
  PGTZ: 'Asia/Tokyo',
  PGDATESTYLE: 'German',
  PGOPTIONS: '-c TimeZone=Pacific/Auckland -c DateStyle=German',
};

const targetOf = (url: string): ConnectionTarget => ({ setting: 'DATABASE_URL', url, isPooled: false });

/** The URL without the time zone and date style that the embedded server's URL sets. */
function withoutOptions(url: string): string {
  const copy = new URL(url);
  copy.searchParams.delete('options');
  return copy.href;
}

async function createOtherZoneDatabase(onFinished: (clean: () => Promise<void>) => void): Promise<string> {
  const url = withoutOptions(await createDatabase(onFinished));
  const name = new URL(url).pathname.slice(1);
  await query(url, `ALTER DATABASE ${name} ${OTHER_TIME_ZONE}; ALTER DATABASE ${name} ${OTHER_DATE_STYLE}`);
  return url;
}

describe('with another time zone and date style in database and environment', () => {
  const onFinished = afterAllTests();
  let url: string;
  let node: Node;

  beforeAll(async () => {
    url = await createOtherZoneDatabase(onFinished);
    node = await startNode(
      url,
      { ...OTHER_ENVIRONMENT, RATE_LIMITS: 'on', HASH_QUEUE_MILLISECONDS: '60000' },
      onFinished,
    );
  });

  /** Runs a script in the same environment. */
  async function script(file: string, ...args: string[]): Promise<string> {
    const env = { ...process.env, ...OTHER_ENVIRONMENT, DATABASE_URL: url, MASTER_SECRET };
    return (await promisify(execFile)('node', [file, ...args], { env })).stdout;
  }

  /** The seconds of an SQL interval. */
  async function seconds(sql: string, email: string): Promise<number> {
    const [row] = await query<{ seconds: string }>(url, `SELECT extract(epoch FROM (${sql})) AS seconds`, [email]);
    return Number(row?.seconds);
  }

  it('displayed times are correct (TIM-01)', async () => {
    const { email, token } = await node.client.signIn();
    const { body: user } = await node.client.call('GET', '/v1/users/me', { token });
    expectTimeNear(user['createdAt']);
    const { body: me } = await node.client.call('GET', '/v1/auth/me', { token });
    expectTimeNear(me['expiresAt'], 900);
    const { body: page } = await node.client.call('GET', '/v1/auth/sessions', { token });
    const [session] = page['items'] as Record<string, string>[];
    for (const member of ['createdAt', 'refreshedAt']) expectTimeNear(session?.[member]);
    const line = (await script('dist/cli/gatehouse.js', 'users', 'list'))
      .split('\n')
      .find((row) => row.includes(email));
    expectTimeNear(line?.split('\t')[2]);
    const key = (await script('dist/cli/gatehouse.js', 'keys', 'list'))
      .split('\n')
      .find((row) => row.includes('\tactive\t'));
    expectTimeNear(key?.split('\t')[3]);
  });

  it('stored times are correct: of disabling a user, audit events, a session and its end (TIM-01)', async () => {
    const { email, token, refreshToken } = await node.client.signIn();
    expect((await node.client.refresh(refreshToken)).status).toBe(200);
    await script('dist/cli/gatehouse.js', 'users', 'disable', email);
    expect(
      Math.abs(await seconds(`clock_timestamp() - (SELECT disabled_at FROM users WHERE email_lower = $1)`, email)),
    ).toBeLessThan(30);
    expect((await node.client.me(token)).status).toBe(401);
    const sessions = `FROM sessions JOIN users ON users.id = user_id WHERE email_lower = $1`;
    for (const column of ['sessions.created_at', 'refreshed_at', 'ended_at']) {
      expect(Math.abs(await seconds(`SELECT clock_timestamp() - max(${column}) ${sessions}`, email))).toBeLessThan(30);
    }
    const trail = (await script('dist/cli/gatehouse.js', 'events', email)).trim().split('\n');
    expect(trail.length).toBeGreaterThan(2);
    for (const line of trail) expectTimeNear((JSON.parse(line) as Record<string, unknown>)['occurredAt']);
  });

  it('session lifetimes and limit refills are unchanged (TIM-01)', async () => {
    const { email, refreshToken } = await node.client.signIn();
    const { body } = await node.client.refresh(refreshToken);
    expect((await node.client.refresh(String(body['refresh_token']))).status).toBe(200);
    for (let turn = 0; turn < 10; turn++) expect((await node.client.login(email, 'wrong passphrase')).status).toBe(401);
    // The first wait of 1 s may already be over; each further failure doubles it.
    let limited = await node.client.login(email, 'wrong passphrase');
    for (let turn = 0; turn < 5 && limited.status === 401; turn++) {
      limited = await node.client.login(email, 'wrong passphrase');
    }
    expect(limited.status).toBe(429);
    expect(Number(limited.headers.get('retry-after'))).toBeLessThanOrEqual(300);
    const sets = `UPDATE sessions SET refreshed_at = refreshed_at - interval '13 days 23 hours', created_at = sessions.created_at - interval '13 days 23 hours' FROM users`;
    const aged = await node.client.signIn();
    await query(url, `${sets} WHERE users.id = user_id AND email_lower = $1`, [aged.email]);
    expect((await node.client.refresh(aged.refreshToken)).status).toBe(200);
    const old = await node.client.signIn();
    await query(url, `${sets.replaceAll('13 days 23', '14 days 1')} WHERE users.id = user_id AND email_lower = $1`, [
      old.email,
    ]);
    expect((await node.client.refresh(old.refreshToken)).body['code']).toBe('refresh_token_expired');
  });
});

describe('the database session', () => {
  it.each([
    ['time zone', OTHER_TIME_ZONE],
    ['date style', OTHER_DATE_STYLE],
  ])('is refused at the start with another %s, with the statement that corrects it (TIM-01)', async (what, change) => {
    const url = await createDatabase();
    await query(url, `ALTER DATABASE ${new URL(url).pathname.slice(1)} ${change}`);
    // Like a pooler that ignores the session settings.
    const check = async (): Promise<void> => {
      const client = new pg.Client({ connectionString: withoutOptions(url) });
      await client.connect();
      await requireSessionSettings(client, targetOf(url)).finally(() => void client.end());
    };
    const refused = String(await check().catch(String));
    expect(refused).toContain(`DATABASE_URL: its connections have the ${what} `);
    const [statement = ''] = /ALTER ROLE [^;]+;/.exec(refused) ?? [];
    await query(url, statement);
    await check();
  });

  it('has its settings from every place in the code that opens a connection (TIM-01)', () => {
    const openers = readdirSync('src', { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .map((file) => ({ file, text: readFileSync(`src/${file}`, 'utf8') }))
      .filter(({ text }) => /new (?:pg\.(?:Client|Pool)|Client)\(|extends pg\.Pool/.test(text));
    const others = openers.filter(({ text }) => !/SESSION_SETTINGS_SQL[,)]|\.\.\.poolSessionSettings\(/.test(text));
    // The usage lock of the embedded server only holds locks and reads no times.
    expect(others.map(({ file }) => file)).toEqual(['embedded-postgres/usage-lock.ts']);
    expect(openers.length).toBeGreaterThan(3);
  });
});
