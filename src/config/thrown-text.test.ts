import { expect, it } from 'vitest';
import { thrownText } from './thrown-text.js';

const hostile = {
  toString: () => {
    throw new Error('no text');
  },
};

it.each<[what: string, text: string, thrown: unknown]>([
  ['an error', 'broken', new Error('broken')],
  ['a text', 'broken', 'broken'],
  ['nothing', 'undefined', undefined],
  ['a symbol', 'Symbol(broken)', Symbol('broken')],
  ['an object without a prototype', '[Object: null prototype] {}', Object.create(null)],
  ['a message that is no text', '{}', Object.assign(new Error(), { message: {} as string })],
  ['an object that cannot be converted', '{ toString: [Function: toString] }', hostile],
])('what %s that was thrown says is %j', (_, text, thrown) => {
  expect(thrownText(thrown)).toBe(text);
});
