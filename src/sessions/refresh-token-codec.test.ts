import { describe, expect, it } from 'vitest';
import type { Config } from '../config/config.js';
import { RefreshTokenCodec } from './refresh-token-codec.js';

const SESSION = '01920000-0000-7000-8000-0123456789ab';
const [SECRET, NEWER] = ['kX3v0q9ZsM1tB7yR5uW2eA8nC4hJ6gLd', 'vB4nM8qW1eR6tY3uI9oP5aS2dF7gH0jK'];
const codecOf = (...masterSecret: string[]): RefreshTokenCodec =>
  new RefreshTokenCodec({ masterSecret } as unknown as Config);

describe('a refresh token', () => {
  const tokens = codecOf(SECRET);
  const text = tokens.encodeRefreshToken({ sessionId: SESSION, counter: 7 });

  it('contains its session and counter, and is encoded the same each time', () => {
    expect(tokens.decodeRefreshToken(text)).toEqual({ sessionId: SESSION, counter: 7 });
    expect(codecOf(SECRET).encodeRefreshToken({ sessionId: SESSION, counter: 7 })).toBe(text);
    expect(tokens.encodeRefreshToken({ sessionId: SESSION, counter: 8 })).not.toBe(text);
  });

  it('is URL-safe text of 60 characters with a MAC of 192 bits (RT-05)', () => {
    expect(text).toMatch(/^[\w-]{60}$/);
    const [first, second] = [text, tokens.encodeRefreshToken({ sessionId: SESSION, counter: 8 })].map((each) =>
      Buffer.from(each, 'base64url').subarray(-24),
    );
    expect(first).not.toEqual(second);
  });

  it('is refused when any bit is changed', () => {
    const bytes = Buffer.from(text, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(tokens.decodeRefreshToken(changed.toString('base64url'))).toBeUndefined();
    }
  });

  it.each(['', 'x', `${text}A`, text.slice(1), text.replace(/.$/, '='), ` ${text}`, `${text}\n`, 'é'.repeat(60)])(
    'is not %j',
    (garbage) => {
      expect(tokens.decodeRefreshToken(garbage)).toBeUndefined();
    },
  );

  it('of the second master secret is decoded, and new ones use the first', () => {
    const both = codecOf(NEWER, SECRET);
    expect(both.decodeRefreshToken(text)).toEqual({ sessionId: SESSION, counter: 7 });
    const written = both.encodeRefreshToken({ sessionId: SESSION, counter: 8 });
    expect([codecOf(NEWER).decodeRefreshToken(written)?.counter, tokens.decodeRefreshToken(written)]).toEqual([
      8,
      undefined,
    ]);
  });
});
