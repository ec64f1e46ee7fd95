import { describe, expect, it } from 'vitest';
import { firstThatLoads, loadArgon2, loadNodeRsArgon2, type Argon2Engine } from './argon2-engine.js';
import * as argon2 from './argon2.js';
import { isOfCost } from './phc.js';

const cost = { memoryKib: 64, passes: 2, lanes: 1 };
const engines = [await loadNodeRsArgon2(), await loadArgon2()] as const;
const pairs = engines.flatMap((one) => engines.map((other) => [one.name, other.name, one, other] as const));

/** Fails as a package without a binary for the platform does: the import rejects. */
function absent(): Promise<Argon2Engine> {
  const name: string = '@node-rs/argon2-no-such-platform';
  return import(name) as Promise<Argon2Engine>;
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

  it.each(engines)('$name writes argon2id in PHC form with 16 bytes of salt and 32 of tag (PWD-01)', async (engine) => {
    const passwordHash = await engine.hash('correct horse battery', cost);
    const [, type, version, parameters, salt, tag] = passwordHash.split('$');
    expect([type, version, parameters]).toEqual(['argon2id', 'v=19', 'm=64,t=2,p=1']);
    expect([base64(salt).length, base64(tag).length]).toEqual([16, 32]);
    expect(isOfCost(passwordHash, cost)).toBe(true);
  });

  it.each(engines)('$name takes a fresh salt each time', async (engine) => {
    const hashes = await Promise.all(Array.from({ length: 20 }, () => engine.hash('the same', cost)));
    expect(new Set(hashes.map((passwordHash) => passwordHash.split('$')[4])).size).toBe(20);
  });
});

describe('the one door to argon2', () => {
  it('serves from the faster implementation, else from the other', async () => {
    expect(argon2.implementation).toBe('@node-rs/argon2');
    expect((await firstThatLoads(absent, loadArgon2)).name).toBe('argon2');
    await expect(firstThatLoads(absent, absent)).rejects.toThrow(AggregateError);
  });

  it('never runs more hashes at once than there are slots, and runs all of them', async () => {
    const { limit } = argon2.stats();
    const seen: number[] = [];
    const watch = async (work: Promise<unknown>): Promise<void> => {
      await work;
      seen.push(argon2.stats().running);
    };
    const passwordHash = await argon2.hash('right', cost);
    const works = Array.from({ length: 8 * limit }, (_, turn) =>
      watch(turn % 2 === 0 ? argon2.hash('some', cost) : argon2.verify(passwordHash, 'right')),
    );
    expect(argon2.stats()).toEqual({ running: limit, waiting: 7 * limit, limit });
    await Promise.all(works);
    expect(Math.max(...seen)).toBeLessThanOrEqual(limit);
    expect(argon2.stats()).toEqual({ running: 0, waiting: 0, limit });
  });

  it.each(['', 'plain text', '$2b$10$abcdefghijklmnopqrstuv'])(
    'takes %j for damage, not for a wrong password',
    async (damaged) => {
      await expect(argon2.verify(damaged, 'any')).rejects.toThrow(TypeError);
      expect(argon2.stats().running).toBe(0);
    },
  );
});
