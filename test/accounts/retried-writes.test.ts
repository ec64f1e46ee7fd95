import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { InvitationsService } from '../../src/account/invitations.service.js';
import { PASSWORD, type Answer, type TestApp } from '../support/app.js';
import type { SignedIn } from '../support/client.js';
import { MailboxApp } from '../support/mailbox.js';
import { makeLinkToken } from '../support/one-time-links.js';

/** A user with two sessions, and an unregistered address. */
interface Subject extends SignedIn {
  readonly other: SignedIn;
  readonly newEmail: string;
  readonly links: Readonly<Record<(typeof PURPOSES)[number], string>>;
}

const PURPOSES = ['email_verification', 'password_reset', 'email_change', 'email_undo', 'invitation'] as const;

type Request = readonly [method: string, path: string, json?: object];

/** Each request that writes: `operationId`, request, first response, second response. */
const REQUESTS: [string, (subject: Subject) => Request, string, string][] = [
  [
    'register',
    ({ newEmail: email }) => ['POST', '/v1/auth/register', { email, password: PASSWORD }],
    '201',
    '409 email_taken',
  ],
  ['login', ({ email }) => ['POST', '/v1/auth/login', { email, password: PASSWORD }], '200', '200'],
  ['refresh', ({ refreshToken }) => ['POST', '/v1/auth/refresh', { refresh_token: refreshToken }], '200', '200'],
  ['logout', ({ refreshToken }) => ['POST', '/v1/auth/logout', { refresh_token: refreshToken }], '204', '204'],
  ['logout', () => ['POST', '/v1/auth/logout'], '204', '401 token_revoked'],
  ['logout', () => ['POST', '/v1/auth/logout?scope=others'], '204', '204'],
  ['endSession', ({ other }) => ['DELETE', `/v1/auth/sessions/${other.sessionId}`], '204', '404 not_found'],
  [
    'changePassword',
    () => ['POST', '/v1/users/me/password', { currentPassword: PASSWORD, newPassword: 'another long passphrase' }],
    '204',
    '401 credentials_invalid',
  ],
  ['changeUser', () => ['PATCH', '/v1/users/me', { profile: { name: 'Ada' } }], '200', '200'],
  ['askForPasswordReset', ({ email }) => ['POST', '/v1/auth/password-reset', { email }], '202', '202'],
  ['askForEmailVerification', ({ email }) => ['POST', '/v1/auth/email-verification', { email }], '202', '202'],
  [
    'askForEmailChange',
    ({ newEmail }) => ['POST', '/v1/users/me/email', { currentPassword: PASSWORD, newEmail }],
    '202',
    '202',
  ],
  [
    'confirmEmail',
    ({ links }) => [
      'POST',
      '/v1/auth/email-verification/confirm',
      { token: links.email_verification, password: PASSWORD },
    ],
    '204',
    '400 mail_token_invalid',
  ],
  [
    'confirmPasswordReset',
    ({ links }) => [
      'POST',
      '/v1/auth/password-reset/confirm',
      { token: links.password_reset, newPassword: 'another long passphrase' },
    ],
    '204',
    '400 mail_token_invalid',
  ],
  [
    'confirmEmailChange',
    ({ links }) => ['POST', '/v1/auth/email-change/confirm', { token: links.email_change }],
    '204',
    '400 mail_token_invalid',
  ],
  [
    'undoEmailChange',
    ({ links }) => ['POST', '/v1/auth/email-change/undo', { token: links.email_undo }],
    '204',
    '400 mail_token_invalid',
  ],
  [
    'acceptInvitation',
    ({ links }) => [
      'POST',
      '/v1/auth/invitation/accept',
      { token: links.invitation, password: 'another long passphrase' },
    ],
    '204',
    '400 mail_token_invalid',
  ],
  ['deleteUser', () => ['POST', '/v1/users/me/deletion', { currentPassword: PASSWORD }], '204', '401 token_revoked'],
];

let app: TestApp;
beforeAll(async () => {
  const clean: (() => Promise<void>)[] = [];
  ({ app } = await MailboxApp.start({}, (each) => void clean.push(each)));
  return async () => {
    for (const each of clean.toReversed()) await each();
  };
});

async function newSubject(): Promise<Subject> {
  const other = await app.signIn();
  const newEmail = `${randomUUID()}@example.com`;
  const links = {} as Record<(typeof PURPOSES)[number], string>;
  const invited = `${randomUUID()}@example.com`;
  await app.nest.get(InvitationsService, { strict: false }).inviteUser(invited);
  const [row] = await app.query<{ id: string }>('SELECT id FROM users WHERE email = $1', [invited]);
  for (const purpose of PURPOSES) {
    const email = purpose === 'email_change' ? newEmail : other.email;
    const ofInvited = { userId: row?.id ?? '', email: invited };
    links[purpose] = await makeLinkToken(
      app,
      purpose,
      purpose === 'invitation' ? ofInvited : { userId: other.userId, email },
    );
  }
  return { ...(await app.signInAs(other.email)), other, newEmail, links };
}

function send({ token }: Subject, [method, path, json]: Request): Promise<Answer> {
  if (json === undefined) return app.call(method, path, { token });
  return app.call(method, path, 'refresh_token' in json || 'token' in json ? { json } : { json, token });
}

/** All rows of all users, except the tables that count attempts. */
async function allRows(): Promise<string> {
  const tables = ['users', 'sessions', 'revocations', 'devices'];
  return JSON.stringify(await Promise.all(tables.map((table) => app.query(`SELECT * FROM ${table} ORDER BY id`))));
}

const statusAndCode = ({ status, body }: Answer): string => [status, body['code']].join(' ').trim();

describe('a request that is sent twice', () => {
  it.each(REQUESTS)(
    'changes nothing the second time, except for a login: %s (FLT-22)',
    async (operation, ask, first, second) => {
      const subject = await newSubject();
      const answers = [await send(subject, ask(subject))];
      const before = await allRows();
      answers.push(await send(subject, ask(subject)));
      expect(answers.map(statusAndCode)).toEqual([first, second]);
      expect((await allRows()) !== before).toBe(operation === 'login');
      const [once, again] = answers.map(({ body }) => body['refresh_token']);
      expect(once === again).toBe(operation !== 'login');
    },
  );

  it('is tested above for every route that writes', async () => {
    const { body } = await app.call('GET', '/openapi.json');
    const paths = Object.values(body['paths'] as Record<string, Record<string, { operationId: string }>>);
    const writing = paths.flatMap((path) => Object.entries(path).filter(([method]) => method !== 'get'));
    const names = new Set(writing.map(([, { operationId }]) => operationId));
    expect(new Set(REQUESTS.map(([operation]) => operation))).toEqual(names);
  });
});
