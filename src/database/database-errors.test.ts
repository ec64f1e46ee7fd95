import { expect, it } from 'vitest';
import { codesOf, translateDatabaseError } from './database-errors.js';

it('an error of an application may have a code that is no text', () => {
  const error = Object.assign(new Error('broken'), { code: Object.create(null) as string });
  expect(translateDatabaseError(error)).toBeUndefined();
  expect(codesOf(error)).toEqual([]);
});
