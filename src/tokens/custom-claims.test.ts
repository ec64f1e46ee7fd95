import { setImmediate } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { AccessTokenClaims } from '../verifier/access-token-claims.check.js';
import { checkCustomClaims, customClaimsOf, RESERVED_CLAIMS } from './custom-claims.js';

describe('the claims of an application', () => {
  it('are copied and frozen in depth', () => {
    const returned = { plan: 'pro', limits: { notes: [10, { a: null }] } };
    const claims = checkCustomClaims(returned) as typeof returned;
    expect(claims).toEqual(returned);
    returned.limits.notes.push(11);
    expect(claims.limits.notes).toHaveLength(2);
    expect(() => claims.limits.notes.push(1)).toThrow(TypeError);
    expect(() => Object.assign(claims, { more: 1 })).toThrow(TypeError);
  });

  it.each([...RESERVED_CLAIMS])('cannot be named %s', (name) => {
    expect(() => checkCustomClaims({ plan: 'pro', [name]: 'x' })).toThrow(
      `claims() returned ${name}, which is reserved`,
    );
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'pro'],
    ['a list', ['pro']],
    ['a promise', Promise.resolve({})],
    ['a promise of another realm', runInNewContext('Promise.resolve({})')],
    ['a date, which is a text as JSON', new Date(0)],
    ['a list as JSON', { toJSON: () => ['pro'] }],
    ['U+0000', { a: '\0' }],
    ['half a character', { a: '\ud800' }],
    ['a name that reaches a prototype', JSON.parse('{"__proto__":1}')],
    ['too many levels', { a: [[[[[[[[1]]]]]]]] }],
    ['a bigint', { a: 1n }],
    ['769 bytes', { a: 'x'.repeat(769 - 8) }],
  ])('cannot be %s', (_case, returned) => {
    expect(() => checkCustomClaims(returned)).toThrow();
  });

  it('that are a promise leave no rejection unhandled', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    onTestFinished(() => void process.off('unhandledRejection', unhandled));
    expect(() => checkCustomClaims(Promise.reject(new Error('no plan')))).toThrow('not a promise');
    await setImmediate();
    await setImmediate();
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('may have 768 bytes', () => {
    expect(checkCustomClaims({ a: 'x'.repeat(768 - 8) })).toEqual({ a: 'x'.repeat(760) });
  });

  it('are those of a token that are not ours', () => {
    const ours = {
      iss: '',
      sub: '',
      aud: '',
      exp: 1,
      iat: 1,
      jti: '',
      client_id: '',
      sid: '',
      email: '',
      rv: 0,
      roles: [],
    };
    expect(customClaimsOf(ours)).toEqual({});
    const claims = customClaimsOf({ ...ours, plan: { name: 'pro' } } as AccessTokenClaims) as { plan: object };
    expect(claims).toEqual({ plan: { name: 'pro' } });
    expect(() => Object.assign(claims.plan, { name: 'free' })).toThrow(TypeError);
  });
});
