import { expect, it } from 'vitest';
import { preferredLanguage } from './languages.js';

it.each([
  [undefined, 'en'],
  ['', 'en'],
  ['de', 'de'],
  ['DE-at', 'de'],
  ['fr, de;q=0.5', 'de'],
  ['en;q=0.4, de;q=0.5', 'de'],
  ['de;q=0.4, en-GB', 'en'],
  ['de;q=0', 'en'],
  ['de;q=2', 'en'],
  ['de;q=x, fr', 'en'],
  ['deutsch', 'en'],
  ['*', 'en'],
  ['den', 'en'],
  [`${'x,'.repeat(5000)}de`, 'en'],
])('the language that Accept-Language %j prefers is %s', (header, language) => {
  expect(preferredLanguage(header, 'en')).toBe(language);
});

it('without one that is ours is the default', () => {
  expect(preferredLanguage('fr', 'de')).toBe('de');
});
