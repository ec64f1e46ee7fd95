import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { PASSWORD, afterAllTests, startApp, type TestApp } from '../support/app.js';
import { tokensOf } from '../support/client.js';

let app: TestApp;
const onFinished = afterAllTests();

beforeAll(async () => {
  app = await startApp({}, onFinished);
});

const REST = 'which makes it long enough';

describe('unusual but legal text', () => {
  it.each([
    "O'Hara+Tag@Example.COM",
    "!#$%&'*+/=?^_`{|}~-@example.com",
    '.leading..dots.@example.com',
    'null@example.com',
    'true@localhost',
    '0@127.0.0.1',
    '__proto__@constructor.prototype',
    'SELECT@xn--bcher-kva.example',
    `${'x'.repeat(64)}@${'y'.repeat(63)}.example`,
  ])('%s as an address is returned and stored as typed (INP-09)', async (email) => {
    const registered = await app.register(email);
    expect([registered.status, registered.body['email']]).toEqual([201, email]);
    const { token, userId } = await app.signInAs(email.toUpperCase());
    expect((await app.call('GET', '/v1/users/me', { token })).body['email']).toBe(email);
    expect((await app.me(token)).body['email']).toBe(email);
    expect(await app.query('SELECT email FROM users WHERE id = $1', [userId])).toEqual([{ email }]);
  });

  it.each([
    ['spaces', `  two  ${REST}  `, `two ${REST}`],
    ['control characters', `\u0001\t\r\n\u001b[2J ${REST}`, `\u0001\t\n\u001b[2J ${REST}`],
    ['no-break spaces', `\u00a0\u2007\u3000${REST}`, `   ${REST}`],
    ['characters beyond the basic plane', `😀👩‍👩‍👧𝕏 ${REST}`, `😀👩👩👧𝕏 ${REST}`],
    ['direction marks', `\u202e\u2066${REST}`, REST],
    ['noncharacters', `\ufdd0\uffff\u{10ffff}${REST}`, `\ufffd\ufffd\ufffd${REST}`],
    ['markup', `<script>alert(1)</script> ${REST}`, `&lt;script&gt;alert(1)&lt;/script&gt; ${REST}`],
    ['escapes', `%00 \\u0000 \\x00 &#0; ${REST}`, `%00 \\u0000 \\x00 &#0;  ${REST}`],
    ['templates', `\${7*7} {{7*7}} #{7*7} ${REST}`, `49 49 49 ${REST}`],
    ['commands', `$(id) \`id\` | id; ../../etc/passwd ${REST}`, `$(id) id | id; ../../etc/passwd ${REST}`],
    ['Turkish capitals', `İıI ${REST}`, `iiı ${REST}`],
    ['a byte order mark', `\ufeff${REST}`, REST],
    ['property names', `__proto__ constructor ${REST}`, `__proto__ Constructor ${REST}`],
  ])('with %s as a password is that password and no other (INP-09)', async (_case, password, other) => {
    const email = `${randomUUID()}@example.com`;
    expect((await app.register(email, password)).status).toBe(201);
    const login = await app.login(email, password);
    expect(login.status).toBe(200);
    expect((await app.login(email, other)).status).toBe(401);
    const json = { currentPassword: password, newPassword: other };
    const { token } = tokensOf(login);
    expect((await app.call('POST', '/v1/users/me/password', { token, json })).status).toBe(204);
    expect((await app.login(email, password)).status).toBe(401);
    expect((await app.login(email, other)).status).toBe(200);
  });

  it.each([
    ["'; DROP TABLE sessions; --"],
    ['<img src=x onerror=alert(1)> & "quotes" \\'],
    ['${jndi:ldap://127.0.0.1/a} {{7*7}} %s %n'],
    ['caf\u00e9 \u00ff\u0080\u00a0'],
    ['null'],
    ['\ttab\tin\tit'.trim()],
  ])('%j as a User-Agent is listed and stored as sent (INP-09)', async (userAgent) => {
    const { email, userId } = await app.signIn();
    const headers = { 'user-agent': userAgent };
    const login = await app.call('POST', '/v1/auth/login', {
      json: { email, password: PASSWORD },
      headers,
    });
    const { body } = await app.call('GET', '/v1/auth/sessions', tokensOf(login));
    const [latest] = body['items'] as { userAgent: string }[];
    expect(latest?.userAgent).toBe(userAgent);
    const rows = await app.query('SELECT user_agent FROM sessions WHERE user_id = $1 AND user_agent = $2', [
      userId,
      userAgent,
    ]);
    expect(rows).toHaveLength(1);
  });
});
