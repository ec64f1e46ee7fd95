import { redactMembers, SECRET_MEMBERS } from './secret-members.js';

/**
 * Every line with a member, a header or a parameter that holds a secret, a JWT, a password hash, or a URL with a password contains one
 * of these.
 */
const INDICATORS = ['assword', 'ecret', 'uthorization', 'ookie', 'oken', 'eyJ', '$argon2', '://'];
/**
 * Shortest run of base64url that counts as a token: one more than a key's thumbprint. No other
 * logged text has longer runs.
 */
const MIN_TOKEN_LENGTH = 44;
/**
 * The start of a token in a JSON text: after an escape sequence, whose last letter is no part of the
 * token, or after a delimiter.
 */
const TOKEN_START = String.raw`(?<=\\[bfnrt]|\\u[\da-f]{4}|[^\w\\-])`;
/** The same for the name of a header or a parameter, which may follow a hyphen: `Set-Cookie`. */
const NAME_START = String.raw`(?<=\\[bfnrt]|\\u[\da-f]{4}|[^\w\\])`;
/** A quote within a text of JSON, also of JSON that is in a text itself. */
const QUOTE = String.raw`\\(?:\\\\)*"`;

const SECRET = new RegExp(
  [
    // To the end of the line.
    String.raw`${NAME_START}(?<header>(?:[Aa]uthorization|[Cc]ookie) ?[:=] ?)(?:[^"\\]|${QUOTE}|\\+[^nr"\\])+`,
    // As `inspect` prints an object, and in a form or a query.
    String.raw`${NAME_START}(?<name>(?:${SECRET_MEMBERS.join('|')}): ?)(?:'(?:[^'"\\]|\\+[^'"\\])*'?|${QUOTE}(?:[^"\\]|\\+[^"\\])*(?:${QUOTE})?)`,
    String.raw`${NAME_START}(?<parameter>(?:${SECRET_MEMBERS.join('|')})=)[^\s"'\\&]+`,
    String.raw`\$argon2[a-z]*\$[^"\s\\]*`,
    String.raw`(?<scheme>\b[a-z]+:\/\/)[^\s"\\/@]+@`,
    String.raw`${TOKEN_START}eyJ[\w-]+\.[\w-]+\.[\w-]*`,
    String.raw`${TOKEN_START}[\w-]{${MIN_TOKEN_LENGTH},}`,
  ].join('|'),
  'g',
);

/**
 * Replaces passwords, tokens, hashes and the credentials of URLs anywhere in a log line. Our own lines hold none;
 * others' may, such as the message of a driver's error.
 */
export function redactLine(line: string): string {
  return mayHoldSecret(line) ? redactMembers(line).replace(SECRET, replacementFor) : line;
}

/** Nearly every line is not; to find that out by one regular expression would take five times as long. */
function mayHoldSecret(line: string): boolean {
  return INDICATORS.some((sign) => line.includes(sign)) || longestRun(line) >= MIN_TOKEN_LENGTH;
}

/** Length of the longest run of base64url characters. */
function longestRun(line: string): number {
  let longest = 0;
  let run = 0;
  for (let at = 0; at < line.length; at++) {
    run = isBase64Url(line.charCodeAt(at)) ? run + 1 : 0;
    if (run > longest) longest = run;
  }
  return longest;
}

function isBase64Url(code: number): boolean {
  return (
    (code > 96 && code < 123) || (code > 47 && code < 58) || (code > 64 && code < 91) || code === 45 || code === 95
  );
}

function replacementFor(_match: string, ...groups: unknown[]): string {
  const { header, name, parameter, scheme } = groups.at(-1) as Readonly<Record<string, string | undefined>>;
  return scheme === undefined ? `${header ?? name ?? parameter ?? ''}[redacted]` : `${scheme}[redacted]@`;
}
