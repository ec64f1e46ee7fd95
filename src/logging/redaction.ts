/** Members whose text is a secret whatever it looks like. */
const NAMES = [
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
/** What a line holds that may hold one of these, a JWT, a stored hash, or a URL with a password. */
const SIGNS = ['assword', 'ecret', 'uthorization', 'ookie', 'oken', 'eyJ', '$argon2', '://'];
/** One more than a key's thumbprint has: tokens are longer, and no other text of ours is. */
const RANDOM_CHARACTERS = 44;
/** Within a JSON text: after an escape sequence a letter may follow that belongs to it. */
const BEGIN = String.raw`(?<=\\[bfnrt]|\\u[\da-f]{4}|[^\w\\-])`;

const SECRET = new RegExp(
  [
    String.raw`"(?<name>${NAMES.join('|')})":"(?:[^"\\]|\\.)*"`,
    String.raw`\$argon2[a-z]*\$[^"\s\\]*`,
    String.raw`(?<scheme>\b[a-z]+:\/\/)[^\s"\\/@]+@`,
    String.raw`${BEGIN}eyJ[\w-]+\.[\w-]+\.[\w-]*`,
    String.raw`${BEGIN}[\w-]{${RANDOM_CHARACTERS},}`,
  ].join('|'),
  'g',
);

/**
 * A line of the log without what looks like a password, a token, a hash or the credentials of a URL, wherever it stands. The
 * lines that we write hold none; this is for those that others write, such as the message of a driver's error.
 */
export function redacted(line: string): string {
  return isSuspicious(line) ? line.replace(SECRET, cover) : line;
}

/** Nearly every line is not, and one regular expression that says so would take five times as long. */
function isSuspicious(line: string): boolean {
  return SIGNS.some((sign) => line.includes(sign)) || longestRun(line) >= RANDOM_CHARACTERS;
}

/** How many characters of base64url follow each other at most. */
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

function cover(_match: string, ...groups: unknown[]): string {
  const { name, scheme } = groups.at(-1) as { name?: string; scheme?: string };
  if (name !== undefined) return `"${name}":"[redacted]"`;
  return scheme === undefined ? '[redacted]' : `${scheme}[redacted]@`;
}
