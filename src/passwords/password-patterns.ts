/** A repeated unit or an affix shorter than this adds no strength. No configured minimum length is lower. */
const SHORTEST_PASSWORD = 8;

/**
 * Digits, the alphabet and paths on a keyboard. A password may start anywhere in one, wrap around and run backwards.
 */
const SEQUENCES = [
  '0123456789',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiopasdfghjklzxcvbnm',
  '1234567890qwertyuiopasdfghjklzxcvbnm',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p',
  'qazwsxedcrfvtgbyhnujmikolp',
  '1q2w3e4r5t6y7u8i9o0p',
  'q1w2e3r4t5y6u7i8o9p0',
  '!@#$%^&*()',
].flatMap((row) => [row, row.split('').toReversed().join('')]);

/** Whether the whole text is one sequence of digits, of the alphabet or of adjacent keys. */
export function isSequence(text: string): boolean {
  return SEQUENCES.some((sequence) => sequence.repeat(Math.ceil(text.length / sequence.length) + 1).includes(text));
}

/** Whether the whole text repeats a short or a known unit; the last repetition may be cut off. */
export function isRepetition(text: string, isKnown: (unit: string) => boolean): boolean {
  for (let period = 1; period < text.length; period++) {
    if (!text.startsWith(text.slice(period))) continue;
    const isShort = period < SHORTEST_PASSWORD && period * 2 <= text.length;
    if (isShort || isKnown(text.slice(0, period))) return true;
  }
  return false;
}

/** Whether the whole text is two known parts joined. */
export function isConcatenation(text: string, isKnown: (part: string) => boolean): boolean {
  for (let at = 1; at < text.length; at++) {
    if (isKnown(text.slice(0, at)) && isKnown(text.slice(at))) return true;
  }
  return false;
}

/** Whether the text is the word with a few digits or symbols before or after it. */
export function isPaddedWord(text: string, word: string): boolean {
  const at = text.indexOf(word);
  const rest = text.slice(0, Math.max(at, 0)) + text.slice(at + word.length);
  return at !== -1 && rest.length < SHORTEST_PASSWORD && !/\p{L}/u.test(rest);
}
