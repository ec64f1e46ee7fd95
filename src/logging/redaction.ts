/** Members whose string value is always a secret. */
const SECRET_MEMBERS = [
  [
    'password',
    'currentPassword',
    'newPassword',
    'passwordHash',
    'password_hash',
    'secret',
    'masterSecret',
    'jwtSecret',
  ],
  ['authorization', 'Authorization', 'cookie', 'Cookie', 'set-cookie', 'token', 'deviceToken'],
  ['access_token', 'accessToken', 'refresh_token', 'refreshToken'],
].flat();
/** Every line with such a member, a JWT, a password hash, or a URL with a password contains one of these. */
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

const SECRET = new RegExp(
  [
    String.raw`"(?<name>${SECRET_MEMBERS.join('|')})":"(?:[^"\\]|\\.)*"`,
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
  return mayHoldSecret(line) ? line.replace(SECRET, replacementFor) : line;
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
  const { name, scheme } = groups.at(-1) as { name?: string; scheme?: string };
  if (name !== undefined) return `"${name}":"[redacted]"`;
  return scheme === undefined ? '[redacted]' : `${scheme}[redacted]@`;
}
