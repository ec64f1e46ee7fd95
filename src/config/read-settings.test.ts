import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseSettings, SettingsError } from './read-settings.js';

const GOOD_SECRET = 'kX3v0q9ZsM1tB7yR5uW2eA8nC4hJ6gLd';
const DATABASE_URL = 'postgresql://someone:hunter2hunter2@db.example:5432/gatehouse';

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    parseSettings(environment);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

describe('settings', () => {
  it('need nothing', () => {
    const settings = parseSettings({});
    expect(settings).toMatchObject({ host: '127.0.0.1', port: 3000, accessTokenTtlSeconds: 900, signingAlg: 'ES256' });
    expect(settings).toMatchObject({ audience: settings.issuer, docs: true, databaseUrl: undefined });
    expect(Object.isFrozen(settings)).toBe(true);
  });

  it('are all reported at once, by name and without their values', () => {
    const environment = { PORT: 'eighty', SIGNING_ALG: 'HS999', JWT_SECRET: 'short-and-secret', DATABASE_URL };
    const problems = problemsOf(environment);
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      'PORT',
      'JWT_SECRET',
      'SIGNING_ALG',
      'MASTER_SECRET',
    ]);
    const message = new SettingsError(problems).message;
    for (const value of ['eighty', 'HS999', 'short-and-secret', 'hunter2']) expect(message).not.toContain(value);
  });

  it.each(['supersecret'.repeat(4), 'changeme-changeme-changeme-changeme-1', 'a'.repeat(64), 'x'.repeat(31), ''])(
    'refuse the secret %j',
    (secret) => {
      expect(problemsOf({ JWT_SECRET: secret })).toHaveLength(1);
      expect(problemsOf({ MASTER_SECRET: secret })).toHaveLength(1);
    },
  );

  it('take one or two secrets, the new one first, and no third', () => {
    expect(parseSettings({ JWT_SECRET: `${GOOD_SECRET},${GOOD_SECRET}2` }).jwtSecret).toEqual([
      GOOD_SECRET,
      `${GOOD_SECRET}2`,
    ]);
    expect(problemsOf({ JWT_SECRET: [GOOD_SECRET, GOOD_SECRET, GOOD_SECRET].join(',') })).toHaveLength(1);
  });

  it.each([
    ['TRUSTED_PROXIES', '10.0.0.1, 192.0.2.0/24,2001:db8::/32', ['10.0.0.1', '192.0.2.0/24', '2001:db8::/32']],
    ['TRUSTED_PROXIES', '10.0.0.0/33', undefined],
    ['TRUSTED_PROXIES', 'loopback', undefined],
    [
      'CORS_ORIGINS',
      'https://app.example.com, http://localhost:5173',
      ['https://app.example.com', 'http://localhost:5173'],
    ],
    ['CORS_ORIGINS', 'https://app.example.com/', undefined],
    ['CORS_ORIGINS', 'https://APP.example.com', undefined],
    ['CORS_ORIGINS', '*', undefined],
    ['CORS_ORIGINS', 'null', undefined],
  ])('hold %s=%s to what it means', (name, text, value) => {
    if (value === undefined) expect(problemsOf({ [name]: text })).toEqual([expect.stringMatching(`^${name} holds `)]);
    else expect(Object.values(parseSettings({ [name]: text }))).toContainEqual(value);
  });

  it('take a secret from a file, and not from both', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'gatehouse-settings-')), 'secret');
    writeFileSync(file, `${GOOD_SECRET}\n`);
    expect(parseSettings({ MASTER_SECRET_FILE: file }).masterSecret).toEqual([GOOD_SECRET]);
    expect(problemsOf({ MASTER_SECRET_FILE: file, MASTER_SECRET: GOOD_SECRET })).toHaveLength(1);
    expect(problemsOf({ MASTER_SECRET_FILE: `${file}-not-there` })).toHaveLength(1);
  });

  it.each([
    ['1', '47103', 1],
    ['1', '47104', 0],
    ['2', '19455', 1],
    ['2', '19456', 0],
    ['3', '12287', 1],
    ['4', '12288', 0],
  ])("hold argon2 to OWASP's floor: %s passes with %s KiB", (passes, memory, problems) => {
    expect(problemsOf({ ARGON2_PASSES: passes, ARGON2_MEMORY_KIB: memory })).toHaveLength(problems);
  });

  it.each([
    { PORT: '65536' },
    { PORT: '1e3' },
    { ACCESS_TOKEN_TTL_SECONDS: '3601' },
    { ACCESS_TOKEN_TTL_SECONDS: '0' },
    { PASSWORD_MIN_LENGTH: '7' },
    { CLOCK_TOLERANCE_SECONDS: '61' },
    { DOCS: 'maybe' },
    { ISSUER: 'gatehouse' },
    { DATABASE_URL: 'mysql://db.example/x', MASTER_SECRET: GOOD_SECRET },
    { DATABASE_DIRECT_URL: DATABASE_URL },
  ])('refuse %j', (environment) => {
    expect(problemsOf(environment)).toHaveLength(1);
  });

  it('turn the documents off with a database of your own, unless asked', () => {
    expect(parseSettings({ DATABASE_URL, MASTER_SECRET: GOOD_SECRET }).docs).toBe(false);
    expect(parseSettings({ DATABASE_URL, MASTER_SECRET: GOOD_SECRET, DOCS: 'on' }).docs).toBe(true);
  });

  it.each([
    ['127.0.0.1', true],
    ['127.1.2.3', true],
    ['::1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['192.0.2.1', false],
    ['api.example.com', false],
  ])('show documents and metrics to nobody else unless asked: on %s documents are %s (API-11)', (HOST, docs) => {
    expect(parseSettings({ HOST })).toMatchObject({ docs, metricsPort: undefined });
    expect(parseSettings({ HOST, DOCS: 'on' }).docs).toBe(true);
  });
});
