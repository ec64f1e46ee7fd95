import { describe, expect, it } from 'vitest';
import { connectionStringOf } from '../database/connection-string.js';
import { parseSettings, SettingsError } from './read-settings.js';
import { hostOf, parsePostgresUrl, schemaOf } from './postgres-url.js';

const MASTER_SECRET = 'kX3v0q9ZsM1tB7yR5uW2eA8nC4hJ6gLd';

function flawsOf(environment: Record<string, string>): readonly string[] {
  try {
    parseSettings({ MASTER_SECRET, ...environment });
    return [];
  } catch (error) {
    return (error as SettingsError).problems;
  }
}

describe('DATABASE_URL', () => {
  it.each([
    ['postgresql://u:pass#word@db.example/gatehouse', 'percent-encode'],
    ['postgresql://u:pass/word@db.example/gatehouse', 'percent-encode'],
    ['postgresql://u:pass?word@db.example/gatehouse', 'percent-encode'],
    ['postgresql://u:12/34@db.example/gatehouse', 'percent-encode'],
    ['postgresql://u:12#34@db.example/gatehouse', 'percent-encode'],
    ['postgresql://u:p@ss/w@db.example/gatehouse', 'percent-encode'],
    ['postgresql://u:pass%e9word@db.example/gatehouse', 'percent-encode'],
    ['postgresql://u:pass[word@db example/gatehouse', 'percent-encode'],
    ['postgresql://db.example', 'names no database'],
    ['postgresql://u@/gatehouse', 'names no host'],
    ['postgresql:///gatehouse', 'names no host'],
    ['postgresql://u@:5433/gatehouse', 'names no host'],
    ['mysql://db.example/gatehouse', 'postgresql://'],
    ['postgresql://db.example/gatehouse?schema=', 'schema'],
    ['postgresql://db.example/gatehouse?schema=a&schema=b', 'two schemas'],
    [`postgresql://db.example/gatehouse?schema=${'é'.repeat(32)}`, 'schema'],
    ['postgresql://db.example/gatehouse?schema=pg_temp', 'schema'],
    // The Prisma client does not escape a quotation mark.
    ['postgresql://db.example/gatehouse?schema=%22', 'schema'],
    ['postgresql://db.example/gatehouse?sslmode=required', 'sslmode'],
    ['postgresql://db.example/gatehouse?sslmode=verify-full&sslrootcert=/not/there.pem', 'sslrootcert'],
    ['postgresql://db.example/gatehouse?sslmode=verify-full&sslrootcert=/dev/null', 'is not a regular file'],
  ])('%s is refused with the reason, and is not repeated (CFG-01)', (url, expected) => {
    const flaws = flawsOf({ DATABASE_URL: url });
    expect(flaws).toEqual([expect.stringContaining(expected)]);
    expect(flaws[0]).toMatch(/^DATABASE_URL /);
    expect(flaws[0]).not.toMatch(/example|word@|34@|ss\/w/);
  });

  it.each([
    ['postgresql://u:pass%23w%2Fo%3Frd@db.example/gatehouse', 'db.example:5432'],
    ['postgresql://u:p@ss@db.example:6432/gatehouse', 'db.example:6432'],
    ['postgres://[::1]:5433/gatehouse', '[::1]:5433'],
    ['postgresql://user@/db?host=/run/postgresql', '/run/postgresql'],
    ['postgresql://user@:5433/db?host=/run/postgresql', '/run/postgresql'],
    ['postgresql:///db?host=/run/postgresql&port=5433', '/run/postgresql'],
    ['postgresql://user:pw@%2Frun%2Fpostgresql:5433/db', '/run/postgresql'],
    ['postgresql://user@localhost/db?host=%2Frun%2Fpostgresql', '/run/postgresql'],
    ['postgresql://user@localhost/db?options=-c%20a%3Db%40c', 'localhost:5432'],
  ])('%s is accepted, and shown as %s', (url, shown) => {
    expect(flawsOf({ DATABASE_URL: url })).toEqual([]);
    expect(hostOf(url)).toBe(shown);
  });

  it('may name one schema, which DATABASE_DIRECT_URL names too', () => {
    const url = 'postgresql://u@db.example/gatehouse';
    expect(schemaOf(url)).toBe('public');
    expect(schemaOf(`${url}?schema=Gate-House%20X`)).toBe('Gate-House X');
    const flaws = flawsOf({ DATABASE_URL: `${url}?schema=x`, DATABASE_DIRECT_URL: url });
    expect(flaws).toEqual(['DATABASE_DIRECT_URL names another schema than DATABASE_URL: give both the same']);
    expect(flawsOf({ DATABASE_URL: `${url}?schema=public`, DATABASE_DIRECT_URL: url })).toEqual([]);
  });
});

const BASE = 'postgresql://u@db.example/gatehouse';

function warningsOf(url: string, direct?: string): string[] {
  const urls = { DATABASE_URL: url, ...(direct === undefined ? {} : { DATABASE_DIRECT_URL: direct }) };
  return parseSettings({ MASTER_SECRET, ...urls }).warnings.map(({ setting, reason }) => `${setting}: ${reason}`);
}

describe('a parameter of DATABASE_URL', () => {
  it.each([
    ['connection_limit=1', 'set DATABASE_POOL_SIZE'],
    ['pool_timeout=10', 'set DATABASE_CONNECTION_TIMEOUT_MS'],
    ['connect_timeout=5', 'set DATABASE_CONNECTION_TIMEOUT_MS'],
    ['socket_timeout=5', 'set DATABASE_STATEMENT_TIMEOUT_MS'],
    ['statement_timeout=10s', 'set DATABASE_STATEMENT_TIMEOUT_MS'],
    ['query_timeout=1', 'set DATABASE_STATEMENT_TIMEOUT_MS'],
    ['lock_timeout=0', 'set DATABASE_LOCK_TIMEOUT_MS'],
    ['idle_in_transaction_session_timeout=0', 'set DATABASE_IDLE_TRANSACTION_TIMEOUT_MS'],
    ['pgbouncer=true', 'for a pooler, set DATABASE_DIRECT_URL to the URL of the server itself'],
    ['sslaccept=accept_invalid_certs', 'use sslmode=verify-full, which verifies the server, or sslmode=no-verify'],
    ['sslidentity=client.p12', 'name a certificate and its key, as PEM files, in sslcert and sslkey'],
    ['channel_binding=require', 'use sslmode=verify-full, which verifies the server'],
    ['currentSchema=x', 'write schema=NAME'],
    ['Schema=x', 'write schema'],
    ['target_session_attrs=read-write', 'it is not supported, so remove it'],
    ['TimeZone=America/New_York', 'it is not supported, so remove it'],
    ['replication=database', 'it is not supported, so remove it'],
    ['max=500', 'it is not supported, so remove it'],
  ])('%s has no effect, and a warning says what to do (CFG-05)', (parameter, remedy) => {
    const name = parameter.split('=')[0] ?? '';
    const url = `${BASE}?${parameter}&${parameter}`;
    const sentence = (setting: string): string =>
      `${setting}: The parameter ${name} of ${setting} has no effect: ${remedy}.`;
    expect(warningsOf(url)).toEqual([sentence('DATABASE_URL')]);
    expect(warningsOf(url, url)).toEqual([sentence('DATABASE_URL')]);
    expect(warningsOf(BASE, `${BASE}?${parameter}`)).toEqual([sentence('DATABASE_DIRECT_URL')]);
    expect(rewritten(url).toString()).toBe('');
  });

  it('that asks for what applies anyway causes no warning (CFG-05)', () => {
    for (const parameter of [
      'application_name=accounts',
      'host=/run/postgresql&port=5433',
      'sslmode=verify-full',
      'sslmode=no-verify',
      'sslnegotiation=direct&ssl=true',
      'uselibpqcompat=true&sslmode=require',
      'options=-c%20work_mem%3D64MB',
      'client_encoding=utf8',
      'schema=x',
      'pgbouncer=false',
      'statement_cache_size=0',
      'sslaccept=strict',
      'channel_binding=prefer',
      'target_session_attrs=any',
      'gssencmode=disable',
      'timezone=UTC',
    ]) {
      expect(warningsOf(`${BASE}?${parameter}`)).toEqual([]);
    }
    expect(warningsOf(`${BASE}2?pgbouncer=true`, BASE)).toEqual([]);
  });

  it.each([
    ['sslmode=verify-full&sslmode=disable', 'has the parameter sslmode twice, with different values: keep one'],
    ['host=a&host=b', 'has the parameter host twice, with different values: keep one'],
    ['sslMode=verify-full', 'has the parameter sslmode in other capitals, which would have no effect: write sslmode'],
    [
      'SSLROOTCERT=/ca.pem',
      'has the parameter sslrootcert in other capitals, which would have no effect: write sslrootcert',
    ],
  ])('%s is refused, since it could lead to another server or an unverified one (CFG-05)', (parameters, flaw) => {
    expect(flawsOf({ DATABASE_URL: `${BASE}?${parameters}` })).toEqual([`DATABASE_URL ${flaw}`]);
  });

  it('that may be part of a password is not shown (CFG-01)', () => {
    expect(warningsOf(`${BASE}?hunter2%21pass`)[0]).toContain('The parameter (unnamed) of DATABASE_URL');
  });
});

const rewritten = (url: string, isPooled = false): URLSearchParams =>
  parsePostgresUrl(connectionStringOf({ url, isPooled })).searchParams;

describe('a connection', () => {
  it('has the schema in its search path, whatever its name', () => {
    const url = 'postgresql://u@db.example/gatehouse?schema=Gate-House%20X%5C&options=-c%20work_mem%3D64MB';
    const string = connectionStringOf({ url, isPooled: false });
    expect(string).not.toMatch(/schema=|\+/);
    expect(rewritten(url).get('options')).toBe(String.raw`-c work_mem=64MB -c search_path="Gate-House\ X\\"`);
  });

  it('has no search path behind a pooler, nor for public, where the server decides', () => {
    expect(rewritten('postgresql://u@db.example/gatehouse?schema=x', true).has('options')).toBe(false);
    expect(rewritten('postgresql://u@db.example/gatehouse?schema=public').toString()).toBe('');
  });

  it.each(['prefer', 'require', 'verify-ca', 'verify-full'])('with sslmode=%s is verified in full', (mode) => {
    const url = `postgresql://u@db.example/gatehouse?sslmode=${mode}`;
    expect(rewritten(url).get('sslmode')).toBe('verify-full');
    expect(rewritten(`${url}&uselibpqcompat=true`).get('sslmode')).toBe(mode);
  });
});
