import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { parseSettings, readSettings, SettingsError } from './read-settings.js';

const GOOD_SECRET = 'kX3v0q9ZsM1tB7yR5uW2eA8nC4hJ6gLd';
const FROM_FILE = 'cannot be read from the file that MASTER_SECRET_FILE names, which';
const GENERATE = 'generate a random one, for example with `openssl rand -base64 32`';
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
  it('all have defaults or are optional', () => {
    const settings = parseSettings({});
    expect(settings).toMatchObject({ host: '127.0.0.1', port: 3000, accessTokenTtlSeconds: 900, signingAlg: 'ES256' });
    expect(settings).toMatchObject({ audience: settings.issuer, docs: true, databaseUrl: undefined });
    expect(Object.isFrozen(settings)).toBe(true);
  });

  it('that are invalid are all reported at once, by name and without their values', () => {
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

  it('put DATABASE_SCHEMA into the URLs that name none', () => {
    const environment = { MASTER_SECRET: GOOD_SECRET, DATABASE_SCHEMA: 'Gate house' };
    const named = 'schema=Gate%20house';
    for (const [url, expected] of [
      [DATABASE_URL, `${DATABASE_URL}?${named}`],
      [`${DATABASE_URL}?`, `${DATABASE_URL}?${named}`],
      [`${DATABASE_URL}?sslmode=disable`, `${DATABASE_URL}?sslmode=disable&${named}`],
      [`${DATABASE_URL}?${named}`, `${DATABASE_URL}?${named}`],
    ] as const) {
      expect(parseSettings({ ...environment, DATABASE_URL: url })).toMatchObject({
        databaseUrl: expected,
        databaseDirectUrl: expected,
      });
    }
    const direct = `${DATABASE_URL}2`;
    const { databaseDirectUrl } = parseSettings({ ...environment, DATABASE_URL, DATABASE_DIRECT_URL: direct });
    expect(databaseDirectUrl).toBe(`${direct}?${named}`);
    expect(parseSettings({ MASTER_SECRET: GOOD_SECRET, DATABASE_URL }).databaseUrl).toBe(DATABASE_URL);
  });

  it.each([
    ['other', `${DATABASE_URL}?schema=gatehouse`],
    ['gatehouse', `${DATABASE_URL}?schema=public`],
  ])('refuse the DATABASE_SCHEMA %s with another in DATABASE_URL (CFG-05)', (schema, url) => {
    const problems = problemsOf({ MASTER_SECRET: GOOD_SECRET, DATABASE_URL: url, DATABASE_SCHEMA: schema });
    expect(problems).toEqual([
      'DATABASE_SCHEMA names another schema than DATABASE_URL: set one of them, or both to the same',
    ]);
  });

  it.each(['pg_mine', 'a"b', 'x'.repeat(64)])('refuse the DATABASE_SCHEMA %s', (schema) => {
    expect(problemsOf({ DATABASE_SCHEMA: schema })).toEqual([
      'DATABASE_SCHEMA is not the name of a schema: a name has 1 to 63 bytes, no quotation mark, and does not begin with pg_',
    ]);
  });

  it.each(['supersecret'.repeat(4), 'changeme-changeme-changeme-changeme-1', 'a'.repeat(64), 'x'.repeat(31), ''])(
    'refuse the secret %j',
    (secret) => {
      expect(problemsOf({ JWT_SECRET: secret })).toHaveLength(1);
      expect(problemsOf({ MASTER_SECRET: secret })).toHaveLength(1);
    },
  );

  it('accept one or two secrets, the new one first, and no third', () => {
    expect(parseSettings({ JWT_SECRET: `${GOOD_SECRET},${GOOD_SECRET}2` }).jwtSecret).toEqual([
      GOOD_SECRET,
      `${GOOD_SECRET}2`,
    ]);
    expect(problemsOf({ JWT_SECRET: [GOOD_SECRET, GOOD_SECRET, GOOD_SECRET].join(',') })).toHaveLength(1);
  });

  it.each([
    ['TRUSTED_PROXIES', '10.0.0.1, 192.0.2.0/24,2001:db8::/32', ['10.0.0.1', '192.0.2.0/24', '2001:db8::/32']],
    [
      'TRUSTED_PROXIES',
      '10.0.0.0/8,fc00::/7,fe80::/10,2001::/16',
      ['10.0.0.0/8', 'fc00::/7', 'fe80::/10', '2001::/16'],
    ],
    ['TRUSTED_PROXIES', '::ffff:10.0.0.0/104', ['::ffff:10.0.0.0/104']],
    [
      'CORS_ORIGINS',
      'https://app.example.com, http://localhost:5173',
      ['https://app.example.com', 'http://localhost:5173'],
    ],
    [
      'CORS_ORIGINS',
      'capacitor://localhost,tauri://localhost,ionic://localhost:8100,app://.',
      ['capacitor://localhost', 'tauri://localhost', 'ionic://localhost:8100', 'app://.'],
    ],
    [
      'CORS_ORIGINS',
      'moz-extension://2c1f0e0a-7f0e-4f5e-9a55-8d7e6a5b4c3d, safari-web-extension://E6FA-07',
      ['moz-extension://2c1f0e0a-7f0e-4f5e-9a55-8d7e6a5b4c3d', 'safari-web-extension://E6FA-07'],
    ],
  ])('parse the list %s=%s (API-10, CFG-05)', (name, text, value) => {
    expect(Object.values(parseSettings({ [name]: text }))).toContainEqual(value);
  });

  it.each([
    ['TRUSTED_PROXIES', '10.0.0.0/33', 'neither an IP address nor a network'],
    ['TRUSTED_PROXIES', '2001:db8::/129', 'neither an IP address nor a network'],
    ['TRUSTED_PROXIES', '10.0.0.0/', 'neither an IP address nor a network'],
    ['TRUSTED_PROXIES', '10.0.0.0/8/8', 'neither an IP address nor a network'],
    ['TRUSTED_PROXIES', 'loopback', 'names are not looked up'],
    ['TRUSTED_PROXIES', '10.0.0.1,proxy-1.internal', '(entry 2 of 2) is a name'],
    ['TRUSTED_PROXIES', '10', 'neither an IP address nor a network'],
    ['TRUSTED_PROXIES', '10.1', 'neither an IP address nor a network'],
    ['TRUSTED_PROXIES', '010.0.0.1', 'neither an IP address nor a network'],
    ['TRUSTED_PROXIES', 'fe80::1%eth0', 'without port, zone or brackets'],
    ['TRUSTED_PROXIES', '10.0.0.1:80', 'without port, zone or brackets'],
    ['TRUSTED_PROXIES', '0.0.0.0/0', 'wider than /8'],
    ['TRUSTED_PROXIES', '192.0.2.1,10.0.0.0/7', '(entry 2 of 2) is a network wider than /8'],
    ['TRUSTED_PROXIES', '::/0', 'wider than /8'],
    ['TRUSTED_PROXIES', '::/64', 'wider than /8'],
    ['TRUSTED_PROXIES', '2000::/3', 'wider than /8'],
    ['TRUSTED_PROXIES', '2001::/15', 'wider than /8'],
    ['TRUSTED_PROXIES', 'fc00::/6', 'wider than /8'],
    ['TRUSTED_PROXIES', '::ffff:0:0/96', 'wider than /8'],
    ['TRUSTED_PROXIES', '::ffff:10.0.0.0/103', 'wider than /8'],
    ['TRUSTED_PROXIES', '10.0.0.1,', '(entry 2 of 2) is empty'],
    ['CORS_ORIGINS', 'https://app.example.com/', 'slash after the host'],
    [
      'CORS_ORIGINS',
      'http://localhost:5173,https://app.example.com/a?b',
      '(entry 2 of 2) has a path, query or slash after the host',
    ],
    ['CORS_ORIGINS', 'capacitor://localhost/', 'slash after the host'],
    ['CORS_ORIGINS', 'https://*.example.com', 'has a *'],
    ['CORS_ORIGINS', 'chrome-extension://*', 'has a *'],
    ['CORS_ORIGINS', '*', 'has a *'],
    ['CORS_ORIGINS', 'https://app.example.com:443', ':443 of https'],
    ['CORS_ORIGINS', 'https://user@app.example.com', 'without user'],
    ['CORS_ORIGINS', 'https://APP.example.com', 'in lower case'],
    ['CORS_ORIGINS', 'https://äpp.example.com', 'xn--'],
    ['CORS_ORIGINS', 'Capacitor://localhost', 'in lower case'],
    ['CORS_ORIGINS', 'capacitor://', 'has a scheme and a host'],
    ['CORS_ORIGINS', 'app.example.com', 'has a scheme and a host'],
    ['CORS_ORIGINS', 'null', 'has a scheme and a host'],
    ['CORS_ORIGINS', 'file://localhost', 'no origin'],
    ['CORS_ORIGINS', 'wss://app.example.com', 'no origin'],
    ['CORS_ORIGINS', 'https://app.example.com,', '(entry 2 of 2) is empty'],
  ])('refuse %s=%s with position and reason, without its value (API-10, CFG-05)', (name, text, said) => {
    const problems = problemsOf({ [name]: text });
    expect(problems).toEqual([expect.stringContaining(said)]);
    expect(problems[0]).toMatch(new RegExp(`^${name} (?:\\(entry |is |has )`));
    expect(problems[0]).not.toMatch(/\/\/\*|proxy-1|APP|user@|äpp/);
  });

  it.each([
    ['0.0.0.0', '0.0.0.0'],
    ['[::1]', '::1'],
    ['::1', '::1'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['api.example.com', 'api.example.com'],
    ['[127.0.0.1]', undefined],
    ['[::1]:3000', undefined],
    ['127.0.0.1:3000', undefined],
    ['http://127.0.0.1', undefined],
    ['::1::', undefined],
  ])('read HOST=%s as the address %s', (HOST, address) => {
    if (address === undefined) expect(problemsOf({ HOST })).toHaveLength(1);
    else expect(parseSettings({ HOST })).toMatchObject({ host: address });
  });

  it('explain that a comma splits a secret in two, and what is wrong with one of them', () => {
    const secret = `${GOOD_SECRET.slice(0, 20)},${GOOD_SECRET.slice(0, 23)}`;
    expect(secret).toHaveLength(44);
    for (const name of ['JWT_SECRET', 'MASTER_SECRET']) {
      expect(problemsOf({ [name]: secret })).toEqual([
        `${name} has a comma, which separates a new value from an old one, and one of the two is shorter than 32 bytes: ${GENERATE}`,
      ]);
      expect(problemsOf({ [name]: `${secret},x` })).toEqual([expect.stringContaining('comma')]);
      expect(problemsOf({ [name]: GOOD_SECRET.slice(1) })).toEqual([`${name} is shorter than 32 bytes: ${GENERATE}`]);
    }
  });

  it('limit HASH_CONCURRENCY to the number of cores, with a warning', () => {
    const cores = availableParallelism();
    expect(parseSettings({ HASH_CONCURRENCY: String(cores) })).toMatchObject({
      hashConcurrency: cores,
      warnings: [],
    });
    expect(parseSettings({ HASH_CONCURRENCY: String(cores + 2) })).toMatchObject({
      hashConcurrency: cores,
      warnings: [
        {
          setting: 'HASH_CONCURRENCY',
          reason: expect.stringContaining(`is ${cores + 2}, but there are ${cores}`) as string,
        },
      ],
    });
    expect(parseSettings({})).toMatchObject({ hashConcurrency: cores, warnings: [] });
    for (const wrong of ['0', '1025', 'all']) expect(problemsOf({ HASH_CONCURRENCY: wrong })).toHaveLength(1);
  });

  it.each(['\uFEFFSECRET\n', 'SECRET\r\n', 'SECRET', 'SECRET\n\n', '\uFEFFSECRET'])(
    'read a secret from a file that holds %j (CFG-05)',
    (content) => {
      const file = join(mkdtempSync(join(tmpdir(), 'gatehouse-settings-')), 'secret');
      writeFileSync(file, content.replace('SECRET', GOOD_SECRET));
      expect(parseSettings({ MASTER_SECRET_FILE: file }).masterSecret).toEqual([GOOD_SECRET]);
    },
  );

  it.each([
    ['', 'is empty: give it a value or leave it out'],
    ['\n', 'is empty: give it a value or leave it out'],
    [`${GOOD_SECRET}\n${GOOD_SECRET}2\n`, `${FROM_FILE} has more than one line: keep only the line with the value`],
    [Buffer.from(`\uFEFF${GOOD_SECRET}`, 'utf16le'), `${FROM_FILE} is not UTF-8: save it as UTF-8`],
    [Buffer.from(GOOD_SECRET, 'utf16le'), `${FROM_FILE} is not UTF-8: save it as UTF-8`],
  ])('refuse a secret file that holds %j (CFG-05)', (content, problem) => {
    const file = join(mkdtempSync(join(tmpdir(), 'gatehouse-settings-')), 'secret');
    writeFileSync(file, content);
    expect(problemsOf({ MASTER_SECRET_FILE: file })).toEqual([`MASTER_SECRET ${problem}`]);
  });

  it('refuse a secret file that is a named pipe (CFG-05)', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'gatehouse-settings-')), 'secret');
    execFileSync('mkfifo', [file]);
    expect(problemsOf({ MASTER_SECRET_FILE: file })).toEqual([
      `MASTER_SECRET ${FROM_FILE} is not a regular file: put one in its place, or remove it`,
    ]);
  });

  it('refuse NAME_FILE for a setting that is not a secret (CFG-05)', () => {
    expect(problemsOf({ PORT_FILE: '/run/port' })).toEqual([
      'PORT is not a secret, so PORT_FILE is not read: set PORT itself',
    ]);
    expect(problemsOf({ MASTER_SECRET_FILE: '' })).toHaveLength(1);
  });

  it('need ISSUER with SMTP_URL, unless all links lead elsewhere', () => {
    const mail = { SMTP_URL: 'smtp://127.0.0.1', MAIL_FROM: 'accounts@example.com' };
    expect(problemsOf(mail)).toEqual([expect.stringMatching(/^ISSUER is required with SMTP_URL/)]);
    expect(problemsOf({ ...mail, ISSUER: 'http://127.0.0.1:3000' })).toEqual([]);
    const page = 'https://app.example.com/#{token}';
    const pages = { EMAIL_VERIFICATION_URL: page, PASSWORD_RESET_URL: page, EMAIL_CHANGE_URL: page };
    expect(problemsOf({ ...mail, ...pages })).toHaveLength(1);
    expect(problemsOf({ ...mail, ...pages, INVITATION_URL: page })).toEqual([]);
    expect(() => parseSettings(mail, 'migrate')).not.toThrow();
  });

  it.each([
    [{}, 0],
    [{ PORT: '3000' }, 0],
    [{ PORT: '0' }, 0],
    [{ PORT: '3001', ISSUER: 'https://accounts.example.com' }, 0],
    [{ PORT: '3001', DATABASE_URL, MASTER_SECRET: GOOD_SECRET }, 0],
    [{ PORT: '3001' }, 1],
  ])('warn that links lead to another port than PORT of the embedded database: %j', (environment, warnings) => {
    const reason = expect.stringContaining('set ISSUER=http://127.0.0.1:3001') as string;
    expect(parseSettings(environment).warnings).toEqual(warnings === 0 ? [] : [{ setting: 'ISSUER', reason }]);
  });

  it('warn of variables of the .env file that Node.js has read before it', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'gatehouse-settings-')), '.env');
    writeFileSync(file, 'NODE_EXTRA_CA_CERTS=/etc/ca.pem\nOTHER=1\n');
    vi.stubEnv('NODE_EXTRA_CA_CERTS', undefined);
    const reason = expect.stringContaining('NODE_EXTRA_CA_CERTS in .env has no effect') as string;
    expect(readSettings('migrate', file).warnings).toEqual([{ setting: 'NODE_EXTRA_CA_CERTS', reason }]);
    vi.stubEnv('NODE_EXTRA_CA_CERTS', '/etc/ca.pem');
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(readSettings('migrate', file).warnings).toEqual([]);
  });

  it('accept a secret by NAME or NAME_FILE, not by both', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'gatehouse-settings-')), 'secret');
    writeFileSync(file, `${GOOD_SECRET}\n`);
    expect(parseSettings({ MASTER_SECRET_FILE: file }).masterSecret).toEqual([GOOD_SECRET]);
    expect(problemsOf({ MASTER_SECRET_FILE: file, MASTER_SECRET: GOOD_SECRET })).toHaveLength(1);
    expect(problemsOf({ MASTER_SECRET_FILE: `${file}-not-there` })).toEqual([
      expect.stringContaining(`MASTER_SECRET ${FROM_FILE} does not exist: create it, or correct its path`),
    ]);
  });

  it.each([
    ['1', '47103', 1],
    ['1', '47104', 0],
    ['2', '19455', 1],
    ['2', '19456', 0],
    ['3', '12287', 1],
    ['4', '12288', 0],
  ])("require OWASP's minimum for argon2: %s passes with %s KiB", (passes, memory, problems) => {
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

  it.each([
    [{ PORT: '9464', METRICS_PORT: '9464' }, 1],
    [{ METRICS_PORT: '3000' }, 1],
    [{ PORT: '0', METRICS_PORT: '0' }, 0],
    [{ PORT: '3000', METRICS_PORT: '3001' }, 0],
    [{ PORT: '70000', METRICS_PORT: '70000' }, 2],
  ])('refuse a METRICS_PORT that equals PORT, naming both: %j', (environment, problems) => {
    const found = problemsOf(environment);
    expect(found).toHaveLength(problems);
    if (problems === 1) expect(found).toEqual(['METRICS_PORT is the same as PORT: give each a port of its own']);
  });

  it('turn /docs off with DATABASE_URL unless DOCS is on', () => {
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
  ])(
    'serve /docs on a loopback HOST only, and no metrics, unless switched on: on %s docs is %s (API-11)',
    (HOST, docs) => {
      expect(parseSettings({ HOST })).toMatchObject({ docs, metricsPort: undefined });
      expect(parseSettings({ HOST, DOCS: 'on' }).docs).toBe(true);
    },
  );
});
