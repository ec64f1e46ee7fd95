import { describe, expect, it } from 'vitest';
import { serializeError } from './error-serializer.js';
import { redactLine } from './redaction.js';

const TOKEN = 'AQGiEj8kt3f8h4xZqQmerEUAAAABk2Jx0-fQ_5dYw8zPp3sVt7uA';
const LIMIT = 8192;

describe('an error in the log', () => {
  it('has its name, code, message, stack and causes, and nothing else', () => {
    const cause = Object.assign(new TypeError('inner', { cause: 'text' }), { code: 7, row: 'secret' });
    const error = Object.assign(new Error('outer', { cause }), { code: 'P2002', detail: 'secret' });
    expect(serializeError(error)).toEqual({
      type: 'Error',
      message: 'outer',
      stack: error.stack,
      code: 'P2002',
      cause: {
        type: 'TypeError',
        message: 'inner',
        stack: cause.stack,
        code: 7,
        cause: { type: 'string', message: '', stack: '' },
      },
    });
  });

  it.each([LIMIT, LIMIT + 1, 5_000_000])(
    'with a message of %i characters takes little room, and keeps its frames',
    (length) => {
      const message = 'word '.repeat(length / 5 + 1).slice(0, length);
      const { message: logged, stack } = serializeError(new Error(message));
      if (length === LIMIT) expect(logged).toBe(message);
      else {
        expect(logged).toMatch(/word … \(\d+ characters\)$/);
        expect(stack).toContain('error-serializer.test.ts');
      }
      expect(logged.length + stack.length).toBeLessThan(2.1 * LIMIT);
    },
  );

  it('is cut between words, so that no part of a secret is left', () => {
    for (let before = LIMIT - TOKEN.length - 1; before <= LIMIT + 1; before++) {
      const line = JSON.stringify(serializeError(new Error(`${'x'.repeat(before - 1)} ${TOKEN} ${'x'.repeat(99)}`)));
      expect(redactLine(line)).not.toContain(TOKEN.slice(0, 8));
    }
    expect(serializeError(new Error('x'.repeat(LIMIT + 1))).message).toBe(`… (${LIMIT + 1} characters)`);
  });
});
