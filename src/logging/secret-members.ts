/** Members whose text is always a secret. */
export const SECRET_MEMBERS = [
  ['password', 'currentPassword', 'newPassword', 'passwordHash', 'password_hash'],
  ['secret', 'masterSecret', 'jwtSecret', 'clientSecret', 'client_secret'],
  ['authorization', 'Authorization', 'proxy-authorization', 'Proxy-Authorization'],
  ['cookie', 'Cookie', 'set-cookie', 'Set-Cookie'],
  ['token', 'deviceToken', 'device_token', 'access_token', 'accessToken', 'refresh_token', 'refreshToken', 'id_token'],
].flat();

const SPACE = String.raw`(?:\\+n| )*`;
/** The name of such a member and the begin of its value, or of the list of its values, in JSON of any depth. */
const MEMBER = new RegExp(
  String.raw`(?<!\\)(?<escapes>\\*)"(?:${SECRET_MEMBERS.join('|')})\k<escapes>" *: *(?<list>\[${SPACE})?\k<escapes>"`,
  'g',
);
const NEXT_OF_LIST = new RegExp(String.raw`${SPACE},${SPACE}(?<escapes>\\*)"`, 'y');

/**
 * Replaces the secrets in the members of JSON, also of JSON within a text of JSON, however deep: an error's message may quote an answer.
 * Linear in the length of the line.
 */
export function redactMembers(line: string): string {
  let redacted = '';
  let kept = 0;
  MEMBER.lastIndex = 0;
  for (let member = MEMBER.exec(line); member !== null; member = MEMBER.exec(line)) {
    const { escapes = '', list } = member.groups ?? {};
    const depth = depthOf(escapes.length);
    let begin = MEMBER.lastIndex;
    do {
      redacted += `${line.slice(kept, begin)}[redacted]`;
      kept = endOfText(line, begin, depth);
      begin = list === undefined ? -1 : nextOfList(line, kept, depth);
    } while (begin !== -1);
    MEMBER.lastIndex = kept;
  }
  return redacted + line.slice(kept);
}

/** Where the next text of a list begins, after one that ends here; -1 where there is none. */
function nextOfList(line: string, end: number, depth: number): number {
  const quote = `${'\\'.repeat(2 ** depth - 1)}"`;
  if (!line.startsWith(quote, end)) return -1;
  NEXT_OF_LIST.lastIndex = end + quote.length;
  return NEXT_OF_LIST.exec(line)?.groups?.['escapes']?.length === quote.length - 1 ? NEXT_OF_LIST.lastIndex : -1;
}

/** Where the quote that ends the text begins, with its backslashes; or that of a text around it, which was cut. */
function endOfText(line: string, begin: number, depth: number): number {
  for (let quote = line.indexOf('"', begin); quote !== -1; quote = line.indexOf('"', quote + 1)) {
    let first = quote;
    while (first > begin && line[first - 1] === '\\') first--;
    const depthOfQuote = depthOf(quote - first);
    if (depthOfQuote <= depth) return quote - 2 ** depthOfQuote + 1;
  }
  return line.length;
}

/**
 * How deep in texts of JSON a quote stands that has so many backslashes before it: 1 has one, 2 has three, 3 has seven. More before these
 * are escaped backslashes of the text.
 */
function depthOf(backslashes: number): number {
  return 31 - Math.clz32(~backslashes & (backslashes + 1));
}
