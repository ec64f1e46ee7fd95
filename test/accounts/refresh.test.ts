import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, query, startApp, type TestApp } from '../support/app.js';
import { claimsOf, Client, tokensOf, type SignedIn } from '../support/client.js';
import { DedicatedPostgres } from '../support/dedicated-postgres.js';
import { IS_EXHAUSTIVE } from '../support/exhaustive.js';
import { startNode } from '../support/processes.js';
import { TcpProxy } from '../support/tcp-proxy.js';

/** Of refreshes at once, on two processes. */
const ROUNDS = IS_EXHAUSTIVE ? 200 : 40;

let app: TestApp;
let strict: TestApp;
const cleanups: (() => Promise<void>)[] = [];
const onFinished = (clean: () => Promise<void>): void => void cleanups.unshift(clean);

beforeAll(async () => {
  app = await startApp({}, onFinished);
  strict = await startApp({ databaseUrl: app.databaseUrl, changes: { refreshGraceSeconds: 0 } }, onFinished);
});
afterAll(async () => {
  for (const clean of cleanups) await clean();
});

/** The successor of a refresh token; the exchange must succeed. */
async function exchange(client: Client, refreshToken: string): Promise<{ token: string; refreshToken: string }> {
  const answer = await client.refresh(refreshToken);
  expect([answer.status, answer.body['code']]).toEqual([200, undefined]);
  return tokensOf(answer);
}

async function refusalCode(client: Client, refreshToken: string): Promise<unknown> {
  const { status, headers, body } = await client.refresh(refreshToken);
  expect([status, headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="gatehouse"']);
  return body['code'];
}

/** Moves a timestamp of a session into the past by this interval. */
async function backdate(column: 'refreshed_at' | 'created_at', sessionId: string, interval: string): Promise<void> {
  await app.query(`UPDATE sessions SET ${column} = ${column} - $2::interval WHERE id = $1`, [sessionId, interval]);
}

async function isEnded({ sessionId }: SignedIn): Promise<unknown> {
  const [row] = await app.query('SELECT ended_at IS NOT NULL AS ended FROM sessions WHERE id = $1', [sessionId]);
  return row?.['ended'];
}

describe('a refresh', () => {
  it('returns new tokens of the same session, with Cache-Control: no-store (RT-01)', async () => {
    const first = await app.signIn();
    const answer = await app.refresh(first.refreshToken);
    const next = tokensOf(answer);
    expect(answer.body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 900,
      refresh_token: expect.stringMatching(/^[\w-]{60}$/),
    });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(next.refreshToken).not.toBe(first.refreshToken);
    expect(claimsOf(next.token)).toMatchObject({ sid: first.sessionId, sub: first.userId, email: first.email });
    expect(claimsOf(next.token)['jti']).not.toBe(claimsOf(first.token)['jti']);
    expect((await app.me(next.token)).status).toBe(200);
  });

  it('with the token just exchanged returns the same successor and changes nothing (RT-04)', async () => {
    const first = await app.signIn();
    const next = await exchange(app, first.refreshToken);
    const row = (): Promise<unknown> =>
      app.query('SELECT xmin::text, refresh_counter, refreshed_at FROM sessions WHERE id = $1', [first.sessionId]);
    const before = await row();
    const replayed = await exchange(app, first.refreshToken);
    expect(replayed.refreshToken).toBe(next.refreshToken);
    expect(claimsOf(replayed.token)['jti']).not.toBe(claimsOf(next.token)['jti']);
    expect(await row()).toEqual(before);
    expect((await exchange(app, next.refreshToken)).refreshToken).not.toBe(next.refreshToken);
  });

  it('with the predecessor ends the session once the successor was used (RT-06)', async () => {
    const first = await app.signIn();
    const second = await exchange(app, first.refreshToken);
    const third = await exchange(app, second.refreshToken);
    expect(await refusalCode(app, first.refreshToken)).toBe('refresh_token_reused');
    expect(await refusalCode(app, third.refreshToken)).toBe('refresh_token_invalid');
    expect(await isEnded(first)).toBe(true);
    for (const { token } of [first, second, third]) expect((await app.me(token)).body['code']).toBe('token_revoked');
  });

  it('with the predecessor ends the session after the grace, which no replay prolongs (RT-02)', async () => {
    const first = await app.signIn();
    await exchange(app, first.refreshToken);
    await backdate('refreshed_at', first.sessionId, '9 seconds');
    await exchange(app, first.refreshToken);
    await backdate('refreshed_at', first.sessionId, '2 seconds');
    expect(await refusalCode(app, first.refreshToken)).toBe('refresh_token_reused');
    expect(await isEnded(first)).toBe(true);
  });

  it('with a token two steps old ends the session, however recent it is (RT-06)', async () => {
    const first = await app.signIn();
    let { refreshToken } = first;
    for (let step = 0; step < 5; step++) ({ refreshToken } = await exchange(app, refreshToken));
    expect(await refusalCode(app, first.refreshToken)).toBe('refresh_token_reused');
    expect(await isEnded(first)).toBe(true);
  });

  it("that ends a session for reuse leaves the user's other sessions alone", async () => {
    const [first, other] = [await app.signIn(), await app.signIn()];
    const sibling = await app.signInAs(first.email);
    const second = await exchange(app, first.refreshToken);
    await exchange(app, second.refreshToken);
    expect(await refusalCode(app, first.refreshToken)).toBe('refresh_token_reused');
    for (const { token, refreshToken } of [sibling, other]) {
      expect((await app.me(token)).status).toBe(200);
      await exchange(app, refreshToken);
    }
  });

  it('with a grace of 0 accepts each token once (RT-01)', async () => {
    const first = await strict.signIn();
    const second = await exchange(strict, first.refreshToken);
    expect(await refusalCode(strict, first.refreshToken)).toBe('refresh_token_reused');
    expect(await refusalCode(strict, second.refreshToken)).toBe('refresh_token_invalid');
    expect((await strict.me(second.token)).body['code']).toBe('token_revoked');
  });

  it('with a grace of 0, sent ten times at once, issues one successor and ends the session', async () => {
    const first = await strict.signIn();
    const answers = await Promise.all(Array.from({ length: 10 }, () => strict.refresh(first.refreshToken)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.every(({ status }) => status === 200 || status === 401)).toBe(true);
    expect(await isEnded(first)).toBe(true);
  });

  it('is refused after two idle weeks and after thirty days in all (RT-07)', async () => {
    const [idle, old, fresh] = [await app.signIn(), await app.signIn(), await app.signIn()];
    await backdate('refreshed_at', idle.sessionId, '14 days');
    await backdate('created_at', old.sessionId, '30 days');
    await backdate('refreshed_at', fresh.sessionId, '13 days 23 hours');
    await backdate('created_at', fresh.sessionId, '29 days 23 hours');
    expect(await refusalCode(app, idle.refreshToken)).toBe('refresh_token_expired');
    expect(await refusalCode(app, old.refreshToken)).toBe('refresh_token_expired');
    const next = await exchange(app, fresh.refreshToken);
    await backdate('created_at', fresh.sessionId, '1 hour');
    expect(await refusalCode(app, next.refreshToken)).toBe('refresh_token_expired');
  });

  it('near the absolute limit returns an access token that expires with the session (RT-07)', async () => {
    const first = await app.signIn();
    await backdate('created_at', first.sessionId, '29 days 23 hours 58 minutes');
    const { body } = await app.refresh(first.refreshToken);
    const { exp, iat } = claimsOf(String(body['access_token'])) as { exp: number; iat: number };
    expect(body['expires_in']).toBeGreaterThan(60);
    expect(body['expires_in']).toBeLessThanOrEqual(120);
    expect(exp - iat).toBe(body['expires_in']);
  });

  it('reads the current state of the user (RT-07, SES-03)', async () => {
    const [renamed, disabled, deleted] = [await app.signIn(), await app.signIn(), await app.signIn()];
    await app.query('UPDATE users SET email = $2, email_lower = $2 WHERE id = $1', [renamed.userId, 'new@example.com']);
    await app.query('UPDATE users SET disabled_at = now() WHERE id = $1', [disabled.userId]);
    await app.query('DELETE FROM users WHERE id = $1', [deleted.userId]);
    expect(claimsOf((await exchange(app, renamed.refreshToken)).token)['email']).toBe('new@example.com');
    expect(await refusalCode(app, disabled.refreshToken)).toBe('refresh_token_invalid');
    expect(await refusalCode(app, deleted.refreshToken)).toBe('refresh_token_invalid');
  });

  it('refuses garbage, an altered token and an access token without a database query (TOK-06, RT-05)', async () => {
    const { token, refreshToken } = await app.signIn();
    const asked = (): Promise<unknown> =>
      app.query(`SELECT max(query_start)::text AS last FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = 'gatehouse'`);
    const before = await asked();
    const altered = `${refreshToken.startsWith('AQ') ? 'AR' : 'AQ'}${refreshToken.slice(2)}`;
    for (const garbage of ['x', 'é', altered, refreshToken.slice(1), `${refreshToken}A`, token]) {
      expect(await refusalCode(app, garbage)).toBe('refresh_token_invalid');
    }
    expect(await asked()).toEqual(before);
    expect((await app.me(refreshToken)).body['code']).toBe('token_invalid');
    await exchange(app, refreshToken);
    expect(await asked()).not.toEqual(before);
  });

  it('accepts a token that is ahead of its row, as a failover may leave it', async () => {
    const first = await app.signIn();
    const second = await exchange(app, first.refreshToken);
    await app.query('UPDATE sessions SET refresh_counter = 0 WHERE id = $1', [first.sessionId]);
    const third = await exchange(app, second.refreshToken);
    await exchange(app, third.refreshToken);
    expect(await refusalCode(app, first.refreshToken)).toBe('refresh_token_reused');
  });

  it('is a HOT update: it adds no row, no index entry and no page', async () => {
    // Of its own: a transaction in another database of the server would keep row versions from being pruned.
    const { url: databaseUrl } = await DedicatedPostgres.start();
    const alone = await startApp({ databaseUrl });
    // A concurrent ANALYZE by autovacuum would keep row versions from being pruned.
    await alone.query('ALTER TABLE sessions SET (autovacuum_enabled = off)');
    let { refreshToken } = await alone.signIn();
    const size = async (): Promise<unknown> =>
      (await alone.query(`SELECT pg_relation_size('sessions') AS heap, pg_indexes_size('sessions') AS indexes`))[0];
    const before = await size();
    for (let step = 0; step < 300; step++) ({ refreshToken } = await exchange(alone, refreshToken));
    expect(await size()).toEqual(before);
    // A connection reports what it has counted when it ends, and else after ten seconds.
    await alone.nest.close();
    await expect
      .poll(() => alone.query(`SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'sessions'`), {
        timeout: 15_000,
      })
      .toEqual([{ n_tup_upd: '300', n_tup_hot_upd: '300' }]);
    expect(await alone.query('SELECT FROM sessions')).toHaveLength(1);
  });
});

describe('refreshes on two processes', () => {
  it(
    'of one token, fifty at once, over and over, issue one successor each time (RT-03)',
    { timeout: 180_000 },
    async () => {
      const databaseUrl = await createDatabase();
      const nodes = await Promise.all([startNode(databaseUrl), startNode(databaseUrl)]);
      const clients = nodes.map(({ client }) => client);
      const [client] = clients as [Client, Client];
      const { sessionId, ...first } = await client.signIn();
      let { refreshToken } = first;
      for (let round = 1; round <= ROUNDS; round++) {
        const answers = await Promise.all(
          Array.from({ length: 50 }, (_, index) => (clients[index % 2] ?? client).refresh(refreshToken)),
        );
        expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
        const successors = new Set(answers.map((answer) => tokensOf(answer).refreshToken));
        expect(successors.size).toBe(1);
        [refreshToken = ''] = successors;
      }
      const rows = await query(databaseUrl, 'SELECT refresh_counter, ended_at FROM sessions WHERE id = $1', [
        sessionId,
      ]);
      expect(rows).toEqual([{ refresh_counter: ROUNDS, ended_at: null }]);
      for (const { output } of nodes) expect(output()).not.toContain('refresh_token_reused');
    },
  );

  it('whose response is lost after the commit return the same successor when retried (RT-04)', async () => {
    const proxy = await TcpProxy.start(new URL(app.url));
    const behind = new Client(`http://127.0.0.1:${proxy.port}`);
    const { refreshToken, sessionId } = await app.signIn();
    proxy.hold('answers');
    const lost = behind.refresh(refreshToken).catch(() => 'lost');
    await expect.poll(() => counterOf(app.databaseUrl, sessionId)).toBe(1);
    proxy.drop();
    expect(await lost).toBe('lost');
    const next = await exchange(app, refreshToken);
    expect(await counterOf(app.databaseUrl, sessionId)).toBe(1);
    await exchange(app, next.refreshToken);
  });

  it('whose process is killed between commit and response can be retried on the other process (RT-04, FLT-02)', async () => {
    const databaseUrl = await createDatabase();
    const doomed = await startNode(databaseUrl);
    const proxy = await TcpProxy.start(new URL(doomed.client.url));
    const behind = new Client(`http://127.0.0.1:${proxy.port}`);
    const { refreshToken, sessionId } = await doomed.client.signIn();
    proxy.hold('answers');
    const lost = behind.refresh(refreshToken).catch(() => 'lost');
    await expect.poll(() => counterOf(databaseUrl, sessionId)).toBe(1);
    doomed.process.kill('SIGKILL');
    await once(doomed.process, 'close');
    proxy.drop();
    expect(await lost).toBe('lost');
    const { client } = await startNode(databaseUrl);
    const next = await exchange(client, refreshToken);
    expect(await counterOf(databaseUrl, sessionId)).toBe(1);
    expect((await client.me(next.token)).status).toBe(200);
    await exchange(client, next.refreshToken);
  });
});

describe('a reused refresh token', () => {
  it('is 500, not 503, when a defect keeps its session from being ended, and is still a security event', async () => {
    const databaseUrl = await createDatabase();
    const { client, output } = await startNode(databaseUrl);
    const first = await client.signIn();
    const second = await exchange(client, first.refreshToken);
    await exchange(client, second.refreshToken);
    await query(
      databaseUrl,
      `CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE 'a defect'; END $$ LANGUAGE plpgsql;
      CREATE TRIGGER refuse BEFORE INSERT ON revocations FOR EACH ROW EXECUTE FUNCTION refuse()`,
    );
    const { status, body } = await client.refresh(first.refreshToken);
    expect([status, body['code']]).toEqual([500, 'internal_error']);
    await expect.poll(output).toContain('"event":"refresh_token_reused"');
  });

  it('is logged once as a security event with user and session, without the token', async () => {
    const { client, output } = await startNode(await createDatabase());
    const first = await client.signIn();
    const second = await exchange(client, first.refreshToken);
    await exchange(client, second.refreshToken);
    const answer = await client.refresh(first.refreshToken);
    const events = (): Record<string, unknown>[] =>
      output()
        .split('\n')
        .filter((line) => line.includes('refresh_token_reused'))
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    await expect.poll(events).toHaveLength(1);
    expect(events()[0]).toMatchObject({
      event: 'refresh_token_reused',
      userId: first.userId,
      sessionId: first.sessionId,
      ip: '127.0.0.1',
      reqId: String(answer.body['instance']).replace('urn:uuid:', ''),
    });
    for (const { refreshToken } of [first, second]) expect(output()).not.toContain(refreshToken);
  });
});

async function counterOf(databaseUrl: string, sessionId: string): Promise<unknown> {
  const [row] = await query(databaseUrl, 'SELECT refresh_counter AS counter FROM sessions WHERE id = $1', [sessionId]);
  return row?.['counter'];
}
