import { expect } from 'vitest';

/** Shorter values are not remembered: they could occur by chance. */
const MIN_LENGTH = 15;
const MAX_REMEMBERED = 300;
const SECRET_MEMBERS = /^(?:.*password|.*_?token|.*Token)$/i;
/** Tokens are too many to remember, and hashes are not seen by clients; both are found by pattern. */
const PATTERNS = [/eyJ[\w-]{10,}\.eyJ[\w-]+\.[\w-]{20,}/, /\$argon2id?\$/, /(?<![\w-])[\w-]{44,}(?![\w-])/];

const remembered = new Set<string>();
const allowed = new Set<string>();

/** For the next file that runs in this process. */
export function forgetSecrets(): void {
  remembered.clear();
  allowed.clear();
}

/** Allows a text in output although a test sends it as a secret. */
export function allowInOutput(text: string): void {
  allowed.add(text);
}

/** Remembers the secrets in a request body. */
export function registerSecretsOf(body: unknown): void {
  if (!(body instanceof Object)) return;
  for (const [name, value] of Object.entries(body)) if (SECRET_MEMBERS.test(name)) registerSecret(value);
}

export function registerSecret(value: unknown): void {
  if (
    typeof value === 'string' &&
    value.length >= MIN_LENGTH &&
    remembered.size < MAX_REMEMBERED &&
    !allowed.has(value)
  )
    remembered.add(value);
}

/** Fails if the text contains a remembered secret or something like a token or a hash (LOG-01). */
export function expectNoSecret(text: string): void {
  for (const secret of remembered) if (text.includes(secret)) expect.fail(`a secret came out: ${around(text, secret)}`);
  for (const pattern of PATTERNS) expect(pattern.exec(text)?.[0]).toBeUndefined();
}

function around(text: string, secret: string): string {
  const at = text.indexOf(secret);
  return text.slice(Math.max(0, at - 200), at + secret.length + 50);
}
