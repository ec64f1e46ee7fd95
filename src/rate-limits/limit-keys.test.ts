import { expect, it } from 'vitest';
import { clientOf } from './limit-keys.js';

it.each([
  ['203.0.113.77', '203.0.113.77'],
  ['::ffff:203.0.113.77', '203.0.113.77'],
  ['2001:db8:12:34:56:78:9a:bc', '2001:db8:12:34::'],
  ['2001:db8:12:34::1', '2001:db8:12:34::'],
  ['2001:db8:12:35::1', '2001:db8:12:35::'],
  ['not an address', 'not an address'],
])('the address %s is limited as %s', (address, client) => {
  expect(clientOf(address)).toBe(client);
});
