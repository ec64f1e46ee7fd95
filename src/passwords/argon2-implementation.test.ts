import { describe, expect, it } from 'vitest';
import {
  loadFirstAvailable,
  loadArgon2Package,
  loadArgon2Implementation,
  loadNodeRsPackage,
  type Argon2Implementation,
} from './argon2-implementation.js';
import { hashPasswordUnpooled } from './unpooled-hash.js';
import { isHashOfCost } from './argon2-cost.js';

const cost = { memoryKib: 64, passes: 2, lanes: 1 };
const implementations = [await loadNodeRsPackage(), await loadArgon2Package()] as const;
const pairs = implementations.flatMap((one) =>
  implementations.map((other) => [one.name, other.name, one, other] as const),
);

/** Rejects as the import of a package without a binary for the platform does. */
function loadMissingPackage(): Promise<Argon2Implementation> {
  const name: string = '@node-rs/argon2-no-such-platform';
  return import(name) as Promise<Argon2Implementation>;
}

function base64(text = ''): Buffer {
  return Buffer.from(text, 'base64');
}

describe('both implementations of argon2', () => {
  it.each(pairs)('agree: %s hashes, %s verifies', async (_one, _other, one, other) => {
    for (const password of ['correct horse battery', 'пароль с пробелами 🔑', 'a\0b'.padEnd(300, 'é')]) {
      const passwordHash = await one.hash(password, { memoryKib: 128, passes: 3, lanes: 2 });
      expect(await other.verify(passwordHash, password)).toBe(true);
      expect(await other.verify(passwordHash, `${password} `)).toBe(false);
    }
  });

  it.each(implementations)(
    '$name writes argon2id in PHC form with 16 bytes of salt and 32 of tag (PWD-01)',
    async (implementation) => {
      const passwordHash = await implementation.hash('correct horse battery', cost);
      const [, type, version, parameters, salt, tag] = passwordHash.split('$');
      expect([type, version, parameters]).toEqual(['argon2id', 'v=19', 'm=64,t=2,p=1']);
      expect([base64(salt).length, base64(tag).length]).toEqual([16, 32]);
      expect(isHashOfCost(passwordHash, cost)).toBe(true);
    },
  );

  it.each(implementations)('$name uses a fresh salt each time', async (implementation) => {
    const hashes = await Promise.all(Array.from({ length: 20 }, async () => implementation.hash('the same', cost)));
    expect(new Set(hashes.map((passwordHash) => passwordHash.split('$')[4])).size).toBe(20);
  });
});

describe('the choice of an argon2 package', () => {
  it('takes the faster one if it loads, else the other', async () => {
    expect((await loadArgon2Implementation()).name).toBe('@node-rs/argon2');
    expect((await loadFirstAvailable(loadMissingPackage, loadArgon2Package)).name).toBe('argon2');
    await expect(loadFirstAvailable(loadMissingPackage, loadMissingPackage)).rejects.toThrow(AggregateError);
  });

  it('serves scripts without a hash thread', async () => {
    const [implementation] = implementations;
    expect(
      implementation.verify(await hashPasswordUnpooled('correct horse battery', cost), 'correct horse battery'),
    ).toBe(true);
  });
});
