const MILLISECONDS = Array.from({ length: 1000 }, (_, value) => `${String(value).padStart(3, '0')}Z`);

let second = NaN;
let textOfSecond = '';

/** A time as `toISOString` writes it. The text up to the second is made once a second. */
export function utcTimeText(now = Date.now()): string {
  const milliseconds = now % 1000;
  if (now - milliseconds !== second) {
    second = now - milliseconds;
    textOfSecond = new Date(second).toISOString().slice(0, -'000Z'.length);
  }
  return textOfSecond + MILLISECONDS[milliseconds];
}
