import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readOrCreateSecret } from './secret-file.js';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-secret-'));
  file = join(folder, 'secret');
});
afterEach(() => rm(folder, { recursive: true }));

test('a secret is 32 random bytes that only its owner can read', async () => {
  const secret = await readOrCreateSecret(file);
  expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
  expect(await readOrCreateSecret(join(folder, 'other'))).not.toBe(secret);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('twenty concurrent first calls return one secret and leave no other file', async () => {
  const secrets = await Promise.all(Array.from({ length: 20 }, () => readOrCreateSecret(file)));
  expect(new Set(secrets).size).toBe(1);
  expect(await readFile(file, 'utf8')).toBe(`${secrets[0]}\n`);
  expect(await readdir(folder)).toEqual(['secret']);
});

test('a draft that a killed start left is removed by the next start, and a recent one is not (LOG-01)', async () => {
  const secret = await readOrCreateSecret(file);
  const [left, written] = ['0123456789ab', 'ba9876543210'].map((end) => `${file}.${end}`) as [string, string];
  for (const draft of [left, written, `${file}.mine`]) await writeFile(draft, secret);
  const before = Date.now() / 1000 - 60;
  for (const old of [left, `${file}.mine`]) await utimes(old, before, before);
  expect(await readOrCreateSecret(file)).toBe(secret);
  expect((await readdir(folder)).toSorted()).toEqual(['secret', 'secret.ba9876543210', 'secret.mine']);
});

test('a damaged secret file is refused by name, and is never replaced or shown', async () => {
  await writeFile(file, 'half-a-secr');
  await expect(readOrCreateSecret(file)).rejects.toThrow(/secret is damaged: restore it/);
  await expect(readOrCreateSecret(file)).rejects.not.toThrow(/half-a-secr/);
  expect(await readFile(file, 'utf8')).toBe('half-a-secr');
});

test('a named pipe in the place of the secret file is refused, and is not waited for', async () => {
  execFileSync('mkfifo', [file]);
  await expect(readOrCreateSecret(file)).rejects.toThrow(/secret cannot be read .*not a regular file/);
});
