import { readFileSync } from 'node:fs';
import { createHmac, createPrivateKey, randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.js';
import { PrismaService } from '../../src/database/prisma.service.js';
import { MailRequestsService } from '../../src/mail/mail-requests.service.js';
import { MailsRepository } from '../../src/mail/mails.repository.js';
import { OneTimeTokenCodec } from '../../src/one-time-tokens/one-time-token-codec.js';
import { OneTimeTokensService } from '../../src/one-time-tokens/one-time-tokens.service.js';
import { PasswordsService } from '../../src/passwords/passwords.service.js';
import { DeviceTokens } from '../../src/rate-limits/device-tokens.js';
import { RefreshTokenCodec } from '../../src/sessions/refresh-token-codec.js';
import { KeyRing } from '../../src/tokens/key-ring.js';
import { deriveKey } from '../../src/secrets/derived-keys.js';
import { decryptPrivateKey } from '../../src/secrets/private-key-encryption.js';
import { PASSWORD, afterAllTests, startApp, type TestApp } from '../support/app.js';
import type { SignedIn } from '../support/client.js';
import { limitKeys } from '../support/rate-limit-states.js';
import { MASTER_SECRET } from '../support/processes.js';
import { makeLinkToken } from '../support/one-time-links.js';
import { allowInOutput, registerSecret } from '../support/secret-detection.js';

const ANOTHER_SECRET = 'vB4nM8qW1eR6tY3uI9oP5aS2dF7gH0jK';
const PURPOSES = [
  'registration',
  'email_verification',
  'password_reset',
  'email_change',
  'email_undo',
  'invitation',
] as const;
const LABELS = [
  'key-encryption',
  'refresh-token',
  'device-token',
  'limits',
  ...PURPOSES.map((purpose) => `one-time-token ${purpose}`),
];

let app: TestApp;
/** A second node on the same database, without rate limits. */
let attacked: TestApp;
let user: SignedIn;
let deviceToken: string;
let linkToken: string;
let registrationToken: string;
let tables: Record<string, Record<string, unknown>[]>;
/** Every column of every row, as bytes. */
let cells: Buffer[];
const onFinished = afterAllTests();

beforeAll(async () => {
  app = await startApp({ changes: { rateLimits: 'on' } }, onFinished);
  attacked = await startApp({ databaseUrl: app.databaseUrl }, onFinished);
  user = await app.signIn();
  deviceToken = String((await app.login(user.email)).body['deviceToken']);
  await app.refresh((await app.signInAs(user.email)).refreshToken);
  await app.logout((await app.signInAs(user.email)).token);
  await app.login(user.email, 'not the right passphrase');
  linkToken = await makeLinkToken(app, 'password_reset', user);
  registrationToken = await addRegistration();
  const prisma = app.nest.get(PrismaService, { strict: false });
  await app.nest
    .get(MailsRepository, { strict: false })
    .insertMail(prisma, randomUUID(), { template: 'reset_password', recipient: user.email, language: 'en' });
  const cause = { purpose: 'password_reset', email: user.email } as const;
  await app.nest.get(MailRequestsService, { strict: false }).addRequest(cause, {});
  tables = await readAllTables();
  cells = Object.values(tables).flatMap((rows) => rows.flatMap((row) => Object.values(row).map(bytesOf)));
});

/** A registration that waits for its confirmation. @returns the token of its link */
async function addRegistration(): Promise<string> {
  const id = randomUUID();
  const tokens = app.nest.get(OneTimeTokensService, { strict: false });
  const passwordHash = await app.nest.get(PasswordsService, { strict: false }).hashPassword(PASSWORD);
  const registration = { id, email: 'waiting@example.com', passwordHash, profile: {} };
  await app.nest.get(PrismaService, { strict: false }).$executeRaw(tokens.registrationInsertSql(registration));
  const token = tokens.encodeToken({ purpose: 'registration', id });
  registerSecret(token);
  return token;
}

/** Every column of every table. */
async function readAllTables(): Promise<typeof tables> {
  const names = await app.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`,
  );
  const read = names.map(async ({ name }) => [name, await app.query(`SELECT * FROM "${name}"`)] as const);
  return Object.fromEntries(await Promise.all(read));
}

function bytesOf(value: unknown): Buffer {
  if (Buffer.isBuffer(value)) return value;
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
}

/** Whether any cell contains the secret, raw or encoded. */
function isInDump(secret: Buffer | string): boolean {
  const raw = Buffer.from(secret);
  const spellings = [raw, ...(['hex', 'base64', 'base64url'] as const).map((encoding) => raw.toString(encoding))];
  return cells.some((cell) => spellings.some((spelling) => cell.includes(spelling)));
}

/** The last bytes of a token: its MAC. */
const macOf = (token: string, bytes: number): Buffer => Buffer.from(token, 'base64url').subarray(-bytes);

/** Every cell as text that could be presented as a token or used as a secret. */
function candidates(): string[] {
  const texts = cells.flatMap((cell) => [
    cell.toString(),
    ...(['hex', 'base64', 'base64url'] as const).map((encoding) => cell.toString(encoding)),
  ]);
  return [...new Set(texts)].filter((text) => text.length > 0 && text.length <= 1024 && /^[\x20-\x7e]+$/.test(text));
}

const withSecret = (...masterSecret: string[]): Config => ({ masterSecret }) as unknown as Config;

describe('a dump of the database', () => {
  it('covers every table and contains what is not secret', () => {
    // Those of an application that builds on this one may be empty.
    const ours = [...readFileSync('prisma/schema.prisma', 'utf8').matchAll(/^model [^]*?@@map\("(\w+)"\)/gm)].map(
      ([, name = '']) => name,
    );
    expect(ours.length).toBeGreaterThan(7);
    expect(ours.filter((name) => (tables[name] ?? []).length === 0)).toEqual([]);
    const [key] = app.nest.get(KeyRing, { strict: false }).jwks.keys;
    for (const known of [user.email, user.sessionId, String(key?.kid)]) expect(isInDump(known)).toBe(true);
    expect(isInDump(Buffer.from(String(key?.x), 'base64url'))).toBe(true);
  });

  it('contains no token, password, key or secret in any encoding (RT-05)', () => {
    const secrets = {
      password: PASSWORD,
      'master secret': MASTER_SECRET,
      'access token': user.token,
      'its signature': Buffer.from(user.token.split('.')[2] ?? '', 'base64url'),
      'refresh token': user.refreshToken,
      'its MAC': macOf(user.refreshToken, 24),
      'device token': deviceToken,
      'the MAC of that': macOf(deviceToken, 22),
      'link token': linkToken,
      'its own MAC': macOf(linkToken, 22),
      'token of a registration': registrationToken,
      'the MAC of this': macOf(registrationToken, 22),
      ...Object.fromEntries(LABELS.map((label) => [label, deriveKey(MASTER_SECRET, label)])),
      ...Object.fromEntries(sealedKeys().flatMap(privatePartsOf)),
    };
    expect(Object.keys(secrets).length).toBeGreaterThan(14);
    expect(Object.entries(secrets).filter(([, secret]) => isInDump(secret))).toEqual([]);
  });

  it('contains no value that works as a token, a password or a signing secret (RT-05)', async () => {
    const found = candidates();
    expect(found.length).toBeGreaterThan(100);
    for (const text of found) allowInOutput(text);
    const content = { sessionId: user.sessionId, counter: 0 };
    const forged = [
      ...found.map((secret) => new RefreshTokenCodec(withSecret(secret)).encodeRefreshToken(content)),
      ...cells.map((key) => signedBy(key, user.refreshToken)),
    ];
    const presented = [...found, ...forged];
    const refreshed = await statusesOf(presented, async (text) => (await attacked.refresh(text)).status);
    const guarded = await statusesOf(presented, async (text) => (await attacked.me(text)).status);
    const passwords = found.filter(({ length }) => length <= 256);
    const loggedIn = await statusesOf(passwords, async (text) => (await attacked.login(user.email, text)).status);
    expect([refreshed, guarded, loggedIn]).toEqual([new Set([401]), new Set([401]), new Set([401])]);
    const links = app.nest.get(OneTimeTokenCodec, { strict: false });
    const isLink = (text: string): boolean =>
      PURPOSES.some((purpose) => links.decodeToken(purpose, text) !== undefined);
    expect(isLink(linkToken)).toBe(true);
    expect(presented.filter(isLink)).toEqual([]);
    const devices = app.nest.get(DeviceTokens, { strict: false });
    expect(presented.filter((text) => devices.decodeDeviceToken(text) !== undefined)).toEqual([]);
    // The attempts have not harmed the session either.
    expect((await attacked.refresh(user.refreshToken)).status).toBe(200);
  });

  it('contains signing keys that only their MASTER_SECRET opens (RT-05)', () => {
    for (const { kid, sealed } of sealedKeys()) {
      expect(() => decryptPrivateKey([MASTER_SECRET], kid, sealed)).not.toThrow();
      for (const secret of [ANOTHER_SECRET, ...candidates()]) {
        expect(() => decryptPrivateKey([secret], kid, sealed)).toThrow('needs another MASTER_SECRET');
      }
      // Also when the stored name of the sealing secret is replaced.
      const renamed = Buffer.concat([sealed.subarray(0, 1), sealingSecretName(ANOTHER_SECRET), sealed.subarray(9)]);
      expect(() => decryptPrivateKey([ANOTHER_SECRET], kid, renamed)).toThrow('is damaged');
    }
  });

  it('is useless to a service with another MASTER_SECRET (RT-05)', async () => {
    const changes = { masterSecret: [ANOTHER_SECRET], jwtSecret: ['pQ7wE2rT9yU4iO1pA6sD3fG8hJ5kL0zX'] };
    const other = await startApp({ databaseUrl: app.databaseUrl, changes });
    expect((await other.refresh(user.refreshToken)).body['code']).toBe('refresh_token_invalid');
    expect((await other.me(user.token)).status).toBe(401);
    expect(other.nest.get(DeviceTokens, { strict: false }).decodeDeviceToken(deviceToken)).toBeUndefined();
    const keys = [app, other].map((each) => limitKeys(each).keyFor('account', user.email));
    expect(keys.map(isInDump)).toEqual([true, false]);
  });
});

/** The set of statuses of all texts; twenty are sent concurrently. */
async function statusesOf(texts: readonly string[], present: (text: string) => Promise<number>): Promise<Set<number>> {
  const statuses = new Set<number>();
  const rest = texts.values();
  const work = async (): Promise<void> => {
    for (const text of rest) statuses.add(await present(text));
  };
  await Promise.all(Array.from({ length: 20 }, work));
  return statuses;
}

interface SealedKey {
  readonly kid: string;
  readonly sealed: Buffer;
}

function sealedKeys(): SealedKey[] {
  return (tables['signing_keys'] ?? []).map((row) => ({
    kid: String(row['kid']),
    sealed: row['private_key'] as Buffer,
  }));
}

/** The private parts of a sealed key, as only the holder of MASTER_SECRET can read them. */
function privatePartsOf({ kid, sealed }: SealedKey): [string, Buffer][] {
  const pkcs8 = decryptPrivateKey([MASTER_SECRET], kid, sealed);
  const { d = '' } = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).export({ format: 'jwk' });
  return [
    [`private key ${kid}`, pkcs8],
    [`d of ${kid}`, Buffer.from(d, 'base64url')],
  ];
}

/** The identifier of the sealing secret, as stored with a sealed key. */
function sealingSecretName(secret: string): Buffer {
  return deriveKey(secret, 'key-encryption name').subarray(0, 8);
}

/** The token with a MAC made with this key. */
function signedBy(key: Buffer, token: string): string {
  const content = Buffer.from(token, 'base64url').subarray(0, -24);
  const mac = createHmac('sha256', key).update(content).digest().subarray(0, 24);
  return Buffer.concat([content, mac]).toString('base64url');
}
