import { describe, expect, it } from 'vitest';
import { sessionClientOf } from './session-client.js';

describe('the client of a session', () => {
  it.each([
    ['203.0.113.77', '203.0.113.0/24'],
    ['::ffff:203.0.113.77', '203.0.113.0/24'],
    ['2001:db8:12:34:56:78:9a:bc', '2001:db8:12::/48'],
    ['fe80::1%eth0', 'fe80::/48'],
    ['::1', '::/48'],
    ['not an address', null],
  ])('with the address %s has the network %s', (address, network) => {
    expect(sessionClientOf({ userAgent: undefined, address })).toEqual({ userAgent: null, network });
  });

  it('has its user agent, cut to 256 characters', () => {
    expect(sessionClientOf({ userAgent: 'curl/8', address: '::1' }).userAgent).toBe('curl/8');
    expect(sessionClientOf({ userAgent: 'x'.repeat(5000), address: '::1' }).userAgent).toBe('x'.repeat(256));
    expect(sessionClientOf({ userAgent: '', address: '::1' }).userAgent).toBeNull();
  });
});
