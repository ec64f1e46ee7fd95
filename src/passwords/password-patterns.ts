/** Parts of a password shorter than this add nothing when repeated or put at an end: no floor is lower. */
const SHORTEST_LEGAL = 8;

/** Along these a finger or a child counts; each may begin anywhere, go round and run backwards. */
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

/** Whether the whole text is one walk along a keyboard, an alphabet or the digits. */
export function isSequence(text: string): boolean {
  return SEQUENCES.some((circle) => circle.repeat(Math.ceil(text.length / circle.length) + 1).includes(text));
}

/** Whether the whole text is a short or a known unit again and again, the last time perhaps cut off. */
export function isRepetition(text: string, isKnown: (unit: string) => boolean): boolean {
  for (let period = 1; period < text.length; period++) {
    if (!text.startsWith(text.slice(period))) continue;
    const isShort = period < SHORTEST_LEGAL && period * 2 <= text.length;
    if (isShort || isKnown(text.slice(0, period))) return true;
  }
  return false;
}

/** Whether the whole text is two known ones joined. */
export function isConcatenation(text: string, isKnown: (part: string) => boolean): boolean {
  for (let at = 1; at < text.length; at++) {
    if (isKnown(text.slice(0, at)) && isKnown(text.slice(at))) return true;
  }
  return false;
}

/** Whether the text is the word with a few digits or signs before and after. */
export function isPaddedWord(text: string, word: string): boolean {
  const at = text.indexOf(word);
  const rest = text.slice(0, Math.max(at, 0)) + text.slice(at + word.length);
  return at !== -1 && rest.length < SHORTEST_LEGAL && !/\p{L}/u.test(rest);
}
