import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Config } from '../config/config.js';
import { parseSettings } from '../config/read-settings.js';
import { loadArgon2Package } from './argon2-implementation.js';
import { PasswordsService } from './passwords.service.js';

const config: Config = {
  ...parseSettings({}),
  databaseUrl: '',
  databaseDirectUrl: '',
  masterSecret: [],
  argon2MemoryKib: 64,
  argon2Passes: 1,
  argon2Lanes: 1,
};
const passwords = new PasswordsService(config);
beforeAll(() => passwords.prepare());

async function matches(password: string, candidate: string): Promise<boolean> {
  return passwords.verifyPassword(candidate, await passwords.hashPassword(password));
}

/** How many hashes the work started: a hash counts as running before anything is awaited. */
function countHashes(work: () => Promise<unknown>): { hashes: number; done: Promise<unknown> } {
  const before = passwords.hashStats().running;
  const done = work();
  return { hashes: passwords.hashStats().running - before, done };
}

describe('a password', () => {
  it('is stored as argon2id at the configured cost (PWD-01)', async () => {
    expect(await passwords.hashPassword('vexing quokkas sing')).toMatch(/^\$argon2id\$v=19\$m=64,t=1,p=1\$/);
  });

  it.each([
    ['its last byte, after 72 others', `${'x1'.repeat(40)}a`, `${'x1'.repeat(40)}b`],
    ['the last of 256 code points', `${'語'.repeat(255)}a`, `${'語'.repeat(255)}b`],
    ['a space at its end', 'vexing quokkas sing', 'vexing quokkas sing '],
    ['a space at its start', 'vexing quokkas sing', ' vexing quokkas sing'],
    ['case', 'vexing quokkas sing', 'Vexing quokkas sing'],
    ['what follows U+0000', 'vexing\0quokkas', 'vexing\0others'],
    ['compatibility forms', 'vexing quokkas ﬁn', 'vexing quokkas fin'],
  ])('counts byte for byte: %s (PWD-02)', async (_, password, other) => {
    expect(await matches(password, password)).toBe(true);
    expect(await matches(password, other)).toBe(false);
    expect(await matches(other, password)).toBe(false);
  });

  it.each(['Ångström café señor', 'ế ự ặ ỗ ợ', '한국어 비밀번호', 'ᾂ ΐ ΰ'])(
    'is the same in NFC and NFD: %s (PWD-05)',
    async (password) => {
      expect(password.normalize('NFC')).not.toBe(password.normalize('NFD'));
      expect(await matches(password.normalize('NFC'), password.normalize('NFD'))).toBe(true);
      expect(await matches(password.normalize('NFD'), password.normalize('NFC'))).toBe(true);
    },
  );

  it('is hashed as its UTF-8 bytes in NFC, like any argon2 does', async () => {
    const other = await loadArgon2Package();
    expect(await other.verify(await passwords.hashPassword('cafe\u0301 au lait 🔑'), 'caf\u00e9 au lait 🔑')).toBe(
      true,
    );
  });

  it.each(['x'.repeat(257), 'x'.repeat(1_000_000), 'a lone \ud83e surrogate'])(
    'that no user can have is wrong without a hash',
    async (impossible) => {
      const passwordHash = await passwords.hashPassword('vexing quokkas sing');
      for (const work of [
        () => passwords.verifyPassword(impossible, passwordHash),
        () => passwords.verifyDummyHash(impossible),
      ]) {
        const { hashes, done } = countHashes(work);
        expect([hashes, await done]).toEqual([0, false]);
      }
      await expect(passwords.hashPassword(impossible)).rejects.toThrow(RangeError);
    },
  );

  it.each(['', 'plain text', '$2b$10$abcdefghijklmnopqrstuv'])(
    'is never verified against %j, which is no argon2 hash',
    async (damaged) => {
      await expect(passwords.verifyPassword('vexing quokkas sing', damaged)).rejects.toThrow(TypeError);
      expect(passwords.hashStats().running).toBe(0);
    },
  );

  it('is checked against the policy', () => {
    expect(() => passwords.checkNewPassword('too short', { email: 'a@mail.example' })).toThrow('password_too_short');
    expect(() => passwords.checkNewPassword('vexing quokkas sing', { email: 'a@mail.example' })).not.toThrow();
  });
});

describe('an unknown address', () => {
  it('costs one hash, as a known one does (ENU-02)', async () => {
    const passwordHash = await passwords.hashPassword('vexing quokkas sing');
    const known = countHashes(() => passwords.verifyPassword('some other password', passwordHash));
    const unknown = countHashes(() => passwords.verifyDummyHash('some other password'));
    expect([known.hashes, unknown.hashes]).toEqual([1, 1]);
    expect(await Promise.all([known.done, unknown.done])).toEqual([false, false]);
  });

  it('takes as long as a known one at a real cost (ENU-02)', async () => {
    const real = new PasswordsService({ ...config, argon2MemoryKib: 19_456, argon2Passes: 2 });
    await real.prepare();
    const passwordHash = await real.hashPassword('vexing quokkas sing');
    const samples: [number[], number[]] = [[], []];
    for (let round = 0; round < 41; round++) {
      samples[0].push(await timed(() => real.verifyPassword('some other password', passwordHash)));
      samples[1].push(await timed(() => real.verifyDummyHash('some other password')));
    }
    expect(Math.abs(median(samples[0]) - median(samples[1]))).toBeLessThan(5);
    expect(median(samples[1])).toBeGreaterThan(median(samples[0]) / 2);
  }, 30_000);
});

describe('under overload', () => {
  const small = new PasswordsService({ ...config, hashConcurrency: 1, hashQueueMilliseconds: 0, argon2Passes: 1000 });
  beforeAll(() => small.prepare());
  afterAll(() => small.onApplicationShutdown());

  it('hashes for known and unknown addresses and for new passwords are refused alike (ENU-02)', async () => {
    const passwordHash = await small.hashPassword('vexing quokkas sing');
    const running = small.verifyPassword('vexing quokkas sing', passwordHash);
    for (const work of [
      () => small.verifyPassword('vexing quokkas sing', passwordHash),
      () => small.verifyDummyHash('vexing quokkas sing'),
      () => small.hashPassword('vexing quokkas sing'),
      () => small.withReservedHash(async () => passwordHash),
    ]) {
      await expect(work()).rejects.toMatchObject({ kind: { code: 'service_unavailable' } });
    }
    expect(small.hashStats().shed.arrival).toBe(4);
    expect(await running).toBe(true);
  });

  it('an optional hash is skipped, and done once a thread is idle', async () => {
    const running = small.hashPassword('vexing quokkas sing');
    expect(await small.hashPasswordIfIdle('vexing quokkas sing')).toBeUndefined();
    await running;
    expect(await small.hashPasswordIfIdle('vexing quokkas sing')).toContain('$argon2id$');
    expect(small.hashStats().shed.arrival).toBe(4);
  });
});

describe('a stored hash', () => {
  const stronger = new PasswordsService({ ...config, argon2Passes: 2 });

  it('needs a rehash when its cost is not the configured one, and verifies until then (PWD-09)', async () => {
    const old = await passwords.hashPassword('vexing quokkas sing');
    expect(passwords.needsRehash(old)).toBe(false);
    expect(stronger.needsRehash(old)).toBe(true);
    expect(await stronger.verifyPassword('vexing quokkas sing', old)).toBe(true);
    expect(stronger.needsRehash(await stronger.hashPassword('vexing quokkas sing'))).toBe(false);
    expect(passwords.needsRehash(await stronger.hashPassword('vexing quokkas sing'))).toBe(true);
  });

  it.each([
    ['memory', /m=64/, 'm=65'],
    ['memory with the same first digits', /m=64/, 'm=640'],
    ['lanes', /p=1/, 'p=2'],
    ['type', /argon2id/, 'argon2i'],
    ['version', /v=19/, 'v=16'],
    ['length of its tag', /.{4}$/, ''],
    ['length of its salt', /(p=1\$).{2}/, '$1'],
  ])('needs a rehash when its %s differs', async (_, part, change) => {
    const current = await passwords.hashPassword('vexing quokkas sing');
    expect(passwords.needsRehash(current.replace(part, change))).toBe(true);
  });
});

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;
}
