import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MetricsServer } from '../../src/metrics/metrics.server.js';
import { createDatabase, PASSWORD, type TestApp } from '../support/app.js';
import { tokensOf, type Client } from '../support/client.js';
import { MailboxApp } from '../support/mailbox.js';
import { makeLinkToken } from '../support/one-time-links.js';
import { MASTER_SECRET } from '../support/processes.js';
import { TcpProxy, proxiedUrl } from '../support/tcp-proxy.js';
import { expectNoSecret, registerSecret, registerSecretsOf } from '../support/secret-detection.js';

const NEXT_PASSWORD = 'marked passphrase that comes next';

/** Calls every route that takes a secret, with valid, wrong, malformed and used secrets. */
async function callEveryRoute(client: Client): Promise<void> {
  const { email, token, refreshToken } = await client.signIn();
  const login = { email, password: PASSWORD };
  const { body } = await client.call('POST', '/v1/auth/login', { json: login });
  await client.call('POST', '/v1/auth/login', { json: { ...login, deviceToken: body['deviceToken'] } });
  await client.login(email, 'marked passphrase that is wrong');
  await client.call('POST', '/v1/auth/login', { json: { ...login, password: ['marked passphrase in a list'] } });
  await client.call('POST', `/v1/auth/login?password=${PASSWORD.replaceAll(' ', '+')}`, { json: login });
  await client.register(email);
  await client.register(`${randomUUID()}@example.com`, 'markedmarkedmarkedmarked'.repeat(20));
  await client.me(`${token}x`);
  await client.call('GET', `/v1/auth/sessions/${token}`, { token, headers: { cookie: `session=${token}` } });
  await client.call('GET', `/v1/auth/me?access_token=${token}`);
  await client.call('POST', '/v1/auth/refresh', { json: { refresh_token: refreshToken, surplus: token } });
  const second = tokensOf(await client.refresh(refreshToken));
  await client.refresh(second.refreshToken);
  await client.refresh(refreshToken);
  const json = { currentPassword: PASSWORD, newPassword: NEXT_PASSWORD };
  const { token: third } = await client.signInAs(email);
  await client.call('POST', '/v1/users/me/password', {
    token: third,
    json: { ...json, currentPassword: NEXT_PASSWORD },
  });
  await client.call('POST', '/v1/users/me/password', { token: third, json });
  await client.call('POST', '/v1/users/me/deletion', { token: third, json: { currentPassword: NEXT_PASSWORD } });
}

/** Uses every kind of link, right and wrong. */
async function useEveryLink(app: TestApp): Promise<void> {
  const user = await app.signIn();
  const uses = {
    email_verification: ['email-verification/confirm', { password: PASSWORD }],
    email_change: ['email-change/confirm', {}],
    email_undo: ['email-change/undo', {}],
    password_reset: ['password-reset/confirm', { newPassword: NEXT_PASSWORD }],
    invitation: ['invitation/accept', { password: NEXT_PASSWORD }],
  } as const;
  for (const [purpose, [path, json]] of Object.entries(uses)) {
    const token = await makeLinkToken(app, purpose as keyof typeof uses, user);
    const use = (changes: object): Promise<unknown> =>
      app.call('POST', `/v1/auth/${path}`, { json: { token, ...json, ...changes } });
    for (const changes of [
      { token: `${token}x` },
      { surplus: token },
      { password: 'marked and wrong passphrase' },
      {},
      {},
    ])
      await use(changes);
    await app.call('POST', `/v1/auth/${path}?token=${token}`, { json: { token, ...json } });
  }
}

describe('a secret', () => {
  it('appears in no trace log, error or metric, whichever route is called and however it ends (LOG-01)', async () => {
    const databaseUrl = await createDatabase();
    const proxy = await TcpProxy.start(new URL(databaseUrl));
    const mailbox = await MailboxApp.start({
      databaseUrl: proxiedUrl(proxy, databaseUrl),
      changes: { metricsPort: 0 },
    });
    const { app } = mailbox;
    await callEveryRoute(app);
    await useEveryLink(app);
    const { email, token, refreshToken } = await app.signIn();
    // Its token is registered as a secret.
    const { token: link } = await mailbox.newestLetter(email);
    proxy.cut();
    const json = { currentPassword: PASSWORD, newPassword: NEXT_PASSWORD };
    const answers = [
      await app.register(`${randomUUID()}@example.com`),
      await app.login(email),
      await app.refresh(refreshToken),
      await app.call('POST', '/v1/users/me/password', { token, json }),
      await app.call('POST', '/v1/auth/email-verification/confirm', { json: { token: link, password: PASSWORD } }),
      await app.call('POST', '/v1/auth/password-reset', { json: { email } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(503));
    const { port } = app.nest.get(MetricsServer, { strict: false });
    expectNoSecret(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
    expect(app.log().map(({ route }) => route)).toContain('/v1/users/me/deletion');
    expectNoSecret(JSON.stringify(app.log()));
    proxy.restore();
  });

  it('sent by any test would be detected in the output of every application and process', () => {
    registerSecretsOf({ password: 'a passphrase that comes out' });
    registerSecret(MASTER_SECRET);
    for (const text of ['a passphrase that comes out', MASTER_SECRET, '$argon2id$v=19', 'A'.repeat(44)]) {
      expect(() => expectNoSecret(`{"msg":"before ${text} after"}`)).toThrow();
    }
    expect(() => expectNoSecret(`{"reqId":"${randomUUID()}"}`)).not.toThrow();
  });
});
