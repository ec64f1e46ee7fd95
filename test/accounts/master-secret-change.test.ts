import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { PASSWORD, afterAllTests, createDatabase, query, startApp, type Answer, type TestApp } from '../support/app.js';
import { tokensOf } from '../support/client.js';
import { guardKey, setFailures } from '../support/rate-limit-states.js';

const OLD = 'the old master secret, that is long enough';
const NEW = 'the new master secret, that is long enough';
const REPLACED = 'a secret in place of a lost one: long enough';
const WRONG = 'not the right passphrase';

const onFinished = afterAllTests();

/** A client that stores its device token, refresh token and access token. */
class Device {
  deviceToken: string | undefined;
  refreshToken = '';
  token = '';

  constructor(readonly email: string) {}

  async logIn(app: TestApp): Promise<number> {
    const { email, deviceToken } = this;
    const json = { email, password: PASSWORD, ...(deviceToken !== undefined && { deviceToken }) };
    const answer = await app.call('POST', '/v1/auth/login', { json });
    if (answer.status !== 200) return answer.status;
    this.deviceToken = String(answer.body['deviceToken']);
    this.#keep(answer);
    return answer.status;
  }

  async refresh(app: TestApp): Promise<number> {
    const answer = await app.refresh(this.refreshToken);
    if (answer.status === 200) this.#keep(answer);
    return answer.status;
  }

  /** Whether it can log in while the account is locked for unknown devices. */
  async isKnown(app: TestApp): Promise<boolean> {
    await setFailures(app, this.email, 100, 3600);
    const status = await this.logIn(app);
    await setFailures(app, this.email, 0);
    return status === 200;
  }

  #keep(answer: Answer): void {
    ({ token: this.token, refreshToken: this.refreshToken } = tokensOf(answer));
  }
}

async function failuresOf(app: TestApp, email: string): Promise<number> {
  const key = guardKey(app, email);
  const [row] = await app.query<{ failures: number }>('SELECT failures FROM account_guards WHERE key = $1', [key]);
  return row?.failures ?? 0;
}

it(
  'the documented change of MASTER_SECRET keeps sessions, devices and keys, and resets the limits once',
  { timeout: 60_000 },
  async () => {
    const databaseUrl = await createDatabase(onFinished);
    const node = (...masterSecret: string[]): Promise<TestApp> =>
      startApp({ databaseUrl, changes: { masterSecret, rateLimits: 'on' } }, onFinished);
    const email = `${randomUUID()}@example.com`;
    const [device, idle, other] = [new Device(email), new Device(email), new Device(email)];

    const first = await node(OLD);
    await first.register(email);
    for (const each of [device, idle, other]) expect(await each.logIn(first)).toBe(200);
    for (let turn = 0; turn < 3; turn++) await first.login(email, WRONG);
    const keys = (await first.call('GET', '/.well-known/jwks.json')).body;

    // Nodes of two consecutive steps run together, as in a rolling restart.
    const second = await node(OLD, NEW);
    expect([await failuresOf(first, email), await failuresOf(second, email)]).toEqual([3, 3]);
    const before = device.deviceToken;
    for (const app of [second, first]) {
      expect([await device.refresh(app), (await app.me(device.token)).status]).toEqual([200, 200]);
      expect([await device.isKnown(app), device.deviceToken]).toEqual([true, before]);
    }
    await first.nest.close();

    const third = await node(NEW, OLD);
    for (let turn = 0; turn < 4; turn++) await second.login(email, WRONG);
    expect([await failuresOf(second, email), await failuresOf(third, email)]).toEqual([4, 0]);
    for (const app of [third, second, third]) {
      expect([await device.refresh(app), (await app.me(device.token)).status]).toEqual([200, 200]);
      expect(await device.isKnown(app)).toBe(true);
      expect(device.deviceToken === before).toBe(app === second);
    }
    await second.nest.close();
    expect(await other.refresh(third)).toBe(200);
    for (let turn = 0; turn < 5; turn++) await third.login(email, WRONG);

    const fourth = await node(NEW);
    expect([await failuresOf(third, email), await failuresOf(fourth, email)]).toEqual([5, 5]);
    expect((await fourth.call('GET', '/.well-known/jwks.json')).body).toEqual(keys);
    for (const app of [fourth, third]) {
      expect([await device.refresh(app), (await app.me(device.token)).status]).toEqual([200, 200]);
      expect(await device.isKnown(app)).toBe(true);
    }
    expect([await other.refresh(fourth), (await fourth.me(other.token)).status]).toEqual([200, 200]);
    // A device that was not used during the change is unknown afterwards.
    expect([await idle.refresh(fourth), await idle.isKnown(fourth)]).toEqual([401, false]);
  },
);

it(
  'the documented recovery from a lost MASTER_SECRET loses keys, tokens and devices, but no user',
  { timeout: 60_000 },
  async () => {
    const databaseUrl = await createDatabase(onFinished);
    const node = (secret: string): Promise<TestApp> =>
      startApp({ databaseUrl, changes: { masterSecret: [secret], rateLimits: 'on' } }, onFinished);
    const device = new Device(`${randomUUID()}@example.com`);
    const before = await node(OLD);
    await before.register(device.email);
    expect(await device.logIn(before)).toBe(200);
    const { token, refreshToken, deviceToken } = device;
    await expect(node(REPLACED)).rejects.toThrow('needs another MASTER_SECRET');
    // A running node continues.
    expect((await before.me(token)).status).toBe(200);
    await before.nest.close();

    const [, section = ''] =
      /^## A lost `MASTER_SECRET`$([^]*?)^#/m.exec(readFileSync('docs/operations.md', 'utf8')) ?? [];
    const [, statement = ''] = /`echo '(DELETE FROM [^']*)' \| npx prisma db execute --stdin`/.exec(section) ?? [];
    await query(databaseUrl, statement);
    expect(section).toContain('npm run after-restore');
    const env = { ...process.env, DATABASE_URL: databaseUrl, MASTER_SECRET: REPLACED };
    const { stdout } = await promisify(execFile)(process.execPath, ['dist/cli/gatehouse.js', 'after-restore'], { env });
    expect(stdout).toMatch(/^sessions ended: 1, /);

    const after = await node(REPLACED);
    const old = [await after.me(token), await after.refresh(refreshToken)];
    expect(old.map(({ status }) => status)).toEqual([401, 401]);
    expect(await device.isKnown(after)).toBe(false);
    expect(await device.logIn(after)).toBe(200);
    expect((await after.me(device.token)).status).toBe(200);
    expect(device.deviceToken).not.toBe(deviceToken);
    expect(await device.isKnown(after)).toBe(true);
  },
);
