import { describe, expect, it } from 'vitest';
import { parseSettings, SettingsError } from './read-settings.js';
import type { Setting } from './setting-parsers.js';
import { settings } from './settings.js';

type Name = keyof typeof settings;

const SECRET = 'kX3v0q9ZsM1tB7yR5uW2eA8nC4hJ6gLd';
const URL_OF_DATABASE = 'postgresql://u:p@db.example/gatehouse';

/** A valid value of each setting that is not its default. */
const SAMPLES: Readonly<Record<Name, string>> = {
  HOST: 'localhost',
  PORT: '3001',
  DATABASE_URL: URL_OF_DATABASE,
  DATABASE_DIRECT_URL: `${URL_OF_DATABASE}2`,
  DATABASE_SCHEMA: 'gatehouse',
  DATABASE_POOL_SIZE: '11',
  DATABASE_CONNECTION_TIMEOUT_MS: '2001',
  DATABASE_STARTUP_SECONDS: '61',
  DATABASE_STATEMENT_TIMEOUT_MS: '3001',
  DATABASE_LOCK_TIMEOUT_MS: '2001',
  DATABASE_IDLE_TRANSACTION_TIMEOUT_MS: '5001',
  DATA_DIR: '/srv/gatehouse',
  MIGRATE_ON_START: 'on',
  MASTER_SECRET: SECRET,
  ISSUER: 'https://accounts.example.com',
  AUDIENCE: 'my api',
  JWT_SECRET: `${SECRET}2`,
  SIGNING_ALG: 'RS256',
  ACCESS_TOKEN_TTL_SECONDS: '901',
  REFRESH_GRACE_SECONDS: '11',
  SESSION_IDLE_DAYS: '15',
  SESSION_ABSOLUTE_DAYS: '29',
  REVOCATION_STALE_SECONDS: '6',
  REVOCATION_STALE_POLICY: 'refuse',
  KEY_PUBLISH_SECONDS: '901',
  KEY_ROTATION_DAYS: '31',
  TOKEN_CACHE_BYTES: '1000000',
  CLOCK_TOLERANCE_SECONDS: '31',
  PASSWORD_MIN_LENGTH: '16',
  ARGON2_MEMORY_KIB: '19457',
  ARGON2_PASSES: '3',
  ARGON2_LANES: '2',
  HASH_CONCURRENCY: '1',
  HASH_QUEUE_MILLISECONDS: '1001',
  RATE_LIMITS: 'dry-run',
  ADDRESS_REQUESTS_PER_MINUTE: '1',
  TRUSTED_PROXIES: '192.0.2.1, 10.0.0.0/8',
  REQUEST_TIMEOUT_SECONDS: '11',
  SHUTDOWN_TIMEOUT_SECONDS: '26',
  CORS_ORIGINS: 'https://app.example.com, capacitor://localhost',
  SMTP_URL: 'smtps://ada%40example.com:secret@mail.example.com:2465',
  MAIL_FROM: 'accounts@example.com',
  SERVICE_NAME: 'Notes',
  APP_URL: 'https://app.example.com/start',
  DEFAULT_LANGUAGE: 'de',
  MAIL_MAX_ATTEMPTS: '101',
  MAIL_NOTICES: 'unknown_device, password_changed',
  REGISTRATION: 'closed',
  EMAIL_UNDO_DAYS: '8',
  EMAIL_VERIFICATION_URL: 'https://app.example.com/verify#{token}',
  PASSWORD_RESET_URL: 'https://app.example.com/reset?token={token}',
  EMAIL_CHANGE_URL: 'https://app.example.com/change/{token}',
  INVITATION_URL: 'https://app.example.com/welcome#{token}',
  AUDIT_RETENTION_DAYS: '91',
  LOG_LEVEL: 'warn',
  WORKERS: '2',
  METRICS_PORT: '9100',
  DOCS: 'on',
};

/** Settings whose entries are separated by commas, with or without blanks around them. */
const LISTS: ReadonlySet<Name> = new Set([
  'TRUSTED_PROXIES',
  'CORS_ORIGINS',
  'MASTER_SECRET',
  'JWT_SECRET',
  'MAIL_NOTICES',
]);

const names = Object.keys(settings) as Name[];
const table = names.map((name): [Name, string] => [name, SAMPLES[name]]);
const isSecret = (name: Name): boolean => (settings[name] as Setting<unknown>).secret;

/** What a setting may need besides. */
const OTHERS = {
  MASTER_SECRET: SECRET,
  DATABASE_URL: URL_OF_DATABASE,
  MAIL_FROM: 'mail@example.com',
  ISSUER: 'https://a.example',
};

function read(name: Name, text: string): object {
  const value = parseSettings({ ...OTHERS, [name]: text });
  const { warnings: _, ...values } = value;
  return values;
}

function problemsOf(name: Name, text: string): readonly string[] {
  try {
    read(name, text);
    return [];
  } catch (error) {
    return (error as SettingsError).problems;
  }
}

const warningsOf = (name: Name, text: string): readonly string[] =>
  parseSettings({ ...OTHERS, [name]: text })
    .warnings.filter(({ setting }) => setting === name)
    .map(({ reason }) => reason);

describe('a setting', () => {
  it.each(table)('%s=%s is accepted without a warning', (name, sample) => {
    expect(problemsOf(name, sample)).toEqual([]);
    expect(warningsOf(name, sample)).toEqual([]);
    // Differs from the settings without it; HASH_CONCURRENCY does not on a single core.
    if (!(name in OTHERS || name === 'HASH_CONCURRENCY'))
      expect(parseSettings(OTHERS)).not.toMatchObject(read(name, sample));
  });

  const padded = [' X', 'X ', '\tX', 'X\n', 'X\r\n', '\uFEFFX', 'X\u00A0', 'X\u2028'];
  it.each(table)('%s with a blank at one end is refused, or trimmed with a warning (CFG-05)', (name, sample) => {
    for (const text of padded.map((form) => form.replace('X', sample))) {
      if (isSecret(name)) {
        expect(read(name, text)).toEqual(read(name, sample));
        expect(warningsOf(name, text)).toEqual([expect.stringContaining(`${name} begins or ends with a blank`)]);
      } else if (LISTS.has(name)) {
        expect(read(name, text)).toEqual(read(name, sample));
      } else {
        expect(problemsOf(name, text)).toEqual([expect.stringMatching(`^${name} .{10,}`)]);
      }
    }
  });

  const numbers = table.filter(([, sample]) => /^\d+$/.test(sample));
  it.each(numbers)('%s with leading zeros is refused (CFG-05)', (name, sample) => {
    expect(problemsOf(name, `0${sample}`)).toEqual([`${name} begins with a zero: leave it out`]);
  });

  const invisible = [
    '\u0001',
    '\t',
    '\n',
    '\u007F',
    '\u0085',
    '\u200B',
    '\u200D',
    '\u2060',
    '\u2028',
    '\u00AD',
    '\uFEFF',
  ];
  const invisibleRefused = table.filter(([name]) => !['MASTER_SECRET', 'JWT_SECRET'].includes(name));
  it.each(invisibleRefused)('%s with an invisible character within is refused (CFG-05)', (name, sample) => {
    const middle = Math.max(1, sample.length - 3);
    // In a URL only characters that the URL parser drops are refused: a password may have any other.
    const refused = isSecret(name) ? invisible.slice(0, 5) : invisible;
    for (const character of sample.length === 1 ? [] : refused) {
      const text = `${sample.slice(0, middle)}${character}${sample.slice(middle)}`;
      expect(problemsOf(name, text)).toEqual([expect.stringMatching(`^${name} .{10,}`)]);
    }
  });

  it.each(table)('%s that is blank is refused (CFG-05)', (name) => {
    for (const text of ['', ' ', '\n', ' \t ']) {
      expect(problemsOf(name, text)).toEqual([expect.stringMatching(`^${name} `)]);
    }
  });

  it.each(table.filter(([name]) => LISTS.has(name) || name === 'AUDIENCE'))(
    '%s with an empty entry is refused (CFG-05)',
    (name, sample) => {
      for (const text of [',', ' , ', `${sample},`, `,${sample}`, `${sample},,${sample}2`]) {
        expect(problemsOf(name, text)).toEqual([expect.stringMatching(`^${name} .{10,}`)]);
      }
    },
  );

  it('AUDIENCE with a comma is one value, with a warning (CFG-05)', () => {
    expect(read('AUDIENCE', 'a,b')).toMatchObject({ audience: 'a,b' });
    expect(warningsOf('AUDIENCE', 'a,b')).toEqual([expect.stringContaining('one value and not a list')]);
  });

  it.each([
    'https://a b.example',
    'https://a.example/b c',
    'https:a.example',
    'https:/a.example',
    'https://',
    'a.example',
  ])('ISSUER=%s is refused (CFG-05)', (issuer) => {
    expect(problemsOf('ISSUER', issuer)).toEqual([expect.stringContaining('ISSUER is not an http or https URL')]);
  });
});
