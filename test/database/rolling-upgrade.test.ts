import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { afterAllTests, PASSWORD, query } from '../support/app.js';
import { claimsOf, Client, tokensOf, type SignedIn } from '../support/client.js';
import { golden } from '../golden/golden.js';
import {
  buildOldVersion,
  createGoldenDatabase,
  hasOldCommit,
  outputLinesOf,
  newFolder,
  OLD_COMMIT,
  postmasterOf,
} from '../support/old-version.js';
import { waitForExit, waitForUrl, startMain, startNode, type Environment, type Node } from '../support/processes.js';

/** The time within which a revocation must apply to guarded requests. */
const WITHIN = { timeout: 1000, interval: 10 };

type Command = 'users' | 'keys' | 'events';

const OLD_COMMANDS: Version['commands'] = {
  users: ['dist/manage-users.js'],
  keys: ['dist/manage-keys.js'],
  events: ['dist/list-events.js'],
};
const NEW_COMMANDS: Version['commands'] = {
  users: ['dist/cli/gatehouse.js', 'users'],
  keys: ['dist/cli/gatehouse.js', 'keys'],
  events: ['dist/cli/gatehouse.js', 'events'],
};

interface Version {
  readonly folder: string;
  /** The program of each command, and its first arguments. */
  readonly commands: Readonly<Record<Command, readonly string[]>>;
  readonly client: Client;
}

let databaseUrl: string;
let environment: Environment;
let oldFolder: string;
let oldNode: Node;
const versions = {} as Record<'old' | 'new', Version>;
const onFinished = afterAllTests();

const operate = ({ folder, commands }: Version, command: Command, ...args: string[]): Promise<string[]> =>
  outputLinesOf(environment, [...commands[command], ...args], folder);

const start = (folder: string, more: Environment = {}, finished = onFinished): Promise<Node> =>
  startNode(databaseUrl, { ...environment, ...more }, finished, folder);

const kidOf = (token: string): string =>
  (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid;

const codeOf = async (answer: ReturnType<Client['call']>): Promise<unknown> => {
  const { status, body } = await answer;
  return body['code'] ?? status;
};

const DIRECTIONS = [
  ['old', 'new'],
  ['new', 'old'],
] as const;

/** Ways to end the session of the user's token. */
const CAUSES: Readonly<Record<string, (at: Version, user: SignedIn) => Promise<unknown>>> = {
  'a logout': ({ client }, { token }) => client.logout(token),
  'a logout of all': async ({ client }, { email }) => client.logout((await client.signInAs(email)).token, 'global'),
  'the end of one session': async ({ client }, { email, sessionId }) =>
    client.call('DELETE', `/v1/auth/sessions/${sessionId}`, { token: (await client.signInAs(email)).token }),
  'a change of password': async ({ client }, { email }) =>
    client.call('POST', '/v1/users/me/password', {
      token: (await client.signInAs(email)).token,
      json: { currentPassword: PASSWORD, newPassword: `${PASSWORD} afterwards` },
    }),
  'a deletion': ({ client }, { token }) =>
    client.call('POST', '/v1/users/me/deletion', { token, json: { currentPassword: PASSWORD } }),
  'reuse of a refresh token': async ({ client }, { refreshToken }) => {
    const next = tokensOf(await client.refresh(refreshToken));
    await client.refresh(next.refreshToken);
    expect(await codeOf(client.refresh(refreshToken))).toBe('refresh_token_reused');
  },
  'npm run users -- disable': (at, { email }) => operate(at, 'users', 'disable', email),
  'npm run users -- delete': (at, { email }) => operate(at, 'users', 'delete', email),
};

describe.skipIf(!hasOldCommit)(`version 0.1.0 (skipped if the repository does not contain ${OLD_COMMIT})`, () => {
  beforeAll(async () => {
    databaseUrl = await createGoldenDatabase(onFinished);
    environment = {
      DATABASE_URL: databaseUrl,
      MASTER_SECRET: golden.masterSecret,
      ISSUER: golden.issuer,
      KEY_PUBLISH_SECONDS: '1',
      RATE_LIMITS: 'on',
    };
    oldFolder = await buildOldVersion(onFinished);
    oldNode = await start(oldFolder);
    versions.old = { folder: oldFolder, commands: OLD_COMMANDS, client: oldNode.client };
    // This node migrates the database while the old one uses it.
    const { client } = await start('.', { MIGRATE_ON_START: 'true' });
    versions.new = { folder: '.', commands: NEW_COMMANDS, client };
  }, 180_000);

  // All registrations come from one address.
  beforeEach(() => query(databaseUrl, 'DELETE FROM rate_limits'));

  describe.each(DIRECTIONS)('and this version on one database, first the %s and then the %s node', (one, another) => {
    it.each(Object.keys(CAUSES))('a session that ends by %s is refused within a second', async (cause) => {
      const [at, other] = [versions[one], versions[another]];
      const user = await at.client.signIn();
      expect((await other.client.me(user.token)).status).toBe(200);
      await CAUSES[cause]?.(at, user);
      // A command is a separate process, so both nodes must receive the revocation.
      for (const { client } of [other, at]) {
        await expect.poll(() => codeOf(client.me(user.token)), WITHIN).toBe('token_revoked');
      }
      expect(await codeOf(other.client.refresh(user.refreshToken))).toBe('refresh_token_invalid');
    });

    it('a session can be refreshed at either node, and both return the same successor', async () => {
      const [{ client: at }, { client: other }] = [versions[one], versions[another]];
      const first = await at.signIn();
      const [here, there] = await Promise.all([at.refresh(first.refreshToken), other.refresh(first.refreshToken)]);
      expect([here.status, there.status]).toEqual([200, 200]);
      expect(tokensOf(here).refreshToken).toBe(tokensOf(there).refreshToken);
      for (const { token } of [tokensOf(here), tokensOf(there)]) {
        expect([(await at.me(token)).status, (await other.me(token)).status]).toEqual([200, 200]);
      }
      const next = tokensOf(await other.refresh(tokensOf(here).refreshToken));
      expect((await at.refresh(next.refreshToken)).status).toBe(200);
      expect(await codeOf(other.refresh(first.refreshToken))).toBe('refresh_token_reused');
    });

    it('keys rotate, and both nodes accept tokens of every key', async () => {
      const [at, other] = [versions[one], versions[another]];
      const before = await at.client.signIn();
      // The next key must have been published for a second.
      await expect
        .poll(
          () =>
            operate(at, 'keys', 'rotate').then(
              () => true,
              () => false,
            ),
          { timeout: 20_000 },
        )
        .toBe(true);
      for (const { client } of [at, other]) {
        await expect
          .poll(async () => kidOf((await client.signInAs(before.email)).token), WITHIN)
          .not.toBe(kidOf(before.token));
      }
      const [here, there] = [await at.client.signInAs(before.email), await other.client.signInAs(before.email)];
      expect(kidOf(here.token)).toBe(kidOf(there.token));
      for (const { token } of [before, here, there]) {
        expect([(await at.client.me(token)).status, (await other.client.me(token)).status]).toEqual([200, 200]);
      }
    });

    it('a revoked key is refused within a second, and the next key signs on both nodes', async () => {
      const [at, other] = [versions[one], versions[another]];
      const user = await at.client.signIn();
      const kid = kidOf(user.token);
      await operate(at, 'keys', 'revoke', kid);
      for (const { client } of [at, other]) {
        await expect.poll(async () => (await client.me(user.token)).status, WITHIN).toBe(401);
        const next = await client.signInAs(user.email);
        expect(kidOf(next.token)).not.toBe(kid);
        expect([(await at.client.me(next.token)).status, (await other.client.me(next.token)).status]).toEqual([
          200, 200,
        ]);
      }
    });

    it('wrong passwords are counted together, and known devices are known to both', async () => {
      const [{ client: at }, { client: other }] = [versions[one], versions[another]];
      const { email } = await at.signIn();
      const deviceToken = String((await at.login(email)).body['deviceToken']);
      for (let count = 0; count < 5; count++) {
        for (const client of [at, other]) expect((await client.login(email, `${PASSWORD} not`)).status).toBe(401);
      }
      const refused = await other.login(email);
      expect([refused.status, refused.headers.get('ratelimit-policy')]).toEqual([429, '"account";q=1;w=1']);
      const known = await other.call('POST', '/v1/auth/login', { json: { email, password: PASSWORD, deviceToken } });
      expect([known.status, known.body['deviceToken']]).toEqual([200, deviceToken]);
      expect((await at.login(email)).status).toBe(200);
    });

    it('audit events written by one are listed by the other', async () => {
      const [at, other] = [versions[one], versions[another]];
      const { email, token, sessionId } = await at.client.signIn();
      await at.client.logout(token);
      const events = (await operate(other, 'events', email)).map(
        (line) => JSON.parse(line) as { event: string; sessionId: string | null },
      );
      expect(events.map(({ event }) => event)).toEqual(['user_registered', 'session_started', 'session_ended']);
      expect(events.at(-1)?.sessionId).toBe(sessionId);
    });
  });

  it('loses no request while it is migrated under load', { timeout: 60_000 }, async () => {
    const url = await createGoldenDatabase();
    const settings = { ...environment, DATABASE_URL: url };
    const { client } = await startNode(url, { ...settings, RATE_LIMITS: 'dry-run' }, onTestFinished, oldFolder);
    const { email, refreshToken } = await client.signIn();
    const deviceToken = String((await client.login(email)).body['deviceToken']);
    const over = new AbortController();
    const outcomes: Record<string, number> = {};
    const repeat = async (name: string, ask: () => ReturnType<Client['call']>): Promise<void> => {
      while (!over.signal.aborted) {
        const outcome = `${name} ${String(await codeOf(ask()))}`;
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      }
    };
    let current = refreshToken;
    const refresh = async () => {
      const answer = await client.refresh(current);
      current = tokensOf(answer).refreshToken;
      return answer;
    };
    const known = { email, password: PASSWORD, deviceToken };
    // Concurrent, so that some are in progress whenever the migration takes a lock.
    const concurrent = [1, 2, 3, 4];
    const load = [
      repeat('refresh', refresh),
      ...concurrent.map(() => repeat('login', () => client.login(email))),
      ...concurrent.map(() => repeat('known login', () => client.call('POST', '/v1/auth/login', { json: known }))),
      ...concurrent.map(() => repeat('wrong login', () => client.login(email, `${PASSWORD} not`))),
    ];
    const isWarm = () =>
      expect.poll(() => Math.min(...Object.values(outcomes)), { timeout: 10_000 }).toBeGreaterThan(10);
    await isWarm();
    await outputLinesOf(settings, ['dist/cli/gatehouse.js', 'migrate']);
    for (const name of Object.keys(outcomes)) outcomes[name] = 0;
    await isWarm();
    over.abort();
    await Promise.all(load);
    expect(Object.keys(outcomes).toSorted()).toEqual([
      'known login 200',
      'login 200',
      'refresh 200',
      'wrong login credentials_invalid',
    ]);
  });

  it('keeps working after the migration, and starts again on the migrated schema', { timeout: 60_000 }, async () => {
    expect((await versions.old.client.call('GET', '/health/ready')).status).toBe(200);
    const { token, email } = await versions.new.client.signIn();
    oldNode.process.kill('SIGTERM');
    expect(await waitForExit(oldNode)).toBe(0);
    const again = await start(oldFolder, {}, onTestFinished);
    expect((await again.client.call('GET', '/health/ready')).status).toBe(200);
    expect((await again.client.me(token)).status).toBe(200);
    const { refreshToken } = await again.client.signInAs(email);
    expect((await versions.new.client.refresh(refreshToken)).status).toBe(200);
  });

  it(
    'leaves a data directory after kill -9 that this version takes over, and takes it over again',
    { timeout: 90_000 },
    async () => {
      const data = { DATA_DIR: newFolder('old-data', onTestFinished), ISSUER: golden.issuer };
      const old = startMain(data, onTestFinished, oldFolder);
      const user = await new Client(await waitForUrl(old)).signIn();
      old.process.kill('SIGKILL');
      await waitForExit(old);
      const onTcp = postmasterOf(data.DATA_DIR);
      expect(onTcp?.socketFolder).toBe('');
      const taken = startMain(data);
      const client = new Client(await waitForUrl(taken));
      expect(postmasterOf(data.DATA_DIR)?.pid).not.toBe(onTcp?.pid);
      expect((await client.me(user.token)).status).toBe(200);
      const next = tokensOf(await client.refresh(user.refreshToken));
      expect(claimsOf(next.token)['sid']).toBe(user.sessionId);
      taken.process.kill('SIGTERM');
      expect(await waitForExit(taken)).toBe(0);
      const back = new Client(await waitForUrl(startMain(data, onTestFinished, oldFolder)));
      expect((await back.me(next.token)).status).toBe(200);
      expect((await back.refresh(next.refreshToken)).status).toBe(200);
      expect((await back.login(user.email)).status).toBe(200);
    },
  );
});
