import { describe, expect, it } from 'vitest';
import { connectionStringOf } from '../database/connection.js';
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
    // The Prisma client would not escape it.
    ['postgresql://db.example/gatehouse?schema=%22', 'schema'],
    ['postgresql://db.example/gatehouse?sslmode=required', 'sslmode'],
    ['postgresql://db.example/gatehouse?sslmode=verify-full&sslrootcert=/not/there.pem', 'sslrootcert'],
  ])('%s is refused with what is wrong, and is not repeated (CFG-01)', (url, said) => {
    const flaws = flawsOf({ DATABASE_URL: url });
    expect(flaws).toEqual([expect.stringContaining(said)]);
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
  ])('%s is taken, and shown as %s', (url, shown) => {
    expect(flawsOf({ DATABASE_URL: url })).toEqual([]);
    expect(hostOf(url)).toBe(shown);
  });

  it('may name one schema, which DATABASE_DIRECT_URL names too', () => {
    const url = 'postgresql://u@db.example/gatehouse';
    expect(schemaOf(url)).toBe('public');
    expect(schemaOf(`${url}?schema=Gate-House%20X`)).toBe('Gate-House X');
    const flaws = flawsOf({ DATABASE_URL: `${url}?schema=x`, DATABASE_DIRECT_URL: url });
    expect(flaws).toEqual(['DATABASE_DIRECT_URL names another schema than DATABASE_URL']);
    expect(flawsOf({ DATABASE_URL: `${url}?schema=public`, DATABASE_DIRECT_URL: url })).toEqual([]);
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

  it('has none behind a pooler, nor for public, where the server decides', () => {
    expect(rewritten('postgresql://u@db.example/gatehouse?schema=x', true).has('options')).toBe(false);
    expect(rewritten('postgresql://u@db.example/gatehouse?schema=public').toString()).toBe('');
  });

  it.each(['prefer', 'require', 'verify-ca', 'verify-full'])('with sslmode=%s verifies all', (mode) => {
    const url = `postgresql://u@db.example/gatehouse?sslmode=${mode}`;
    expect(rewritten(url).get('sslmode')).toBe('verify-full');
    expect(rewritten(`${url}&uselibpqcompat=true`).get('sslmode')).toBe(mode);
  });
});
