import { expect } from 'vitest';

/** What is sent in place of a secret may be anything; this long, it is nothing else by chance. */
const SHORTEST = 15;
const MOST = 300;
const NAMES = /^(?:.*password|.*_?token|.*Token)$/i;
/** Tokens are too many to be remembered, and hashes never seen; their looks give them away. */
const LOOKS = [/eyJ[\w-]{10,}\.eyJ[\w-]+\.[\w-]{20,}/, /\$argon2id?\$/, /(?<![\w-])[\w-]{44,}(?![\w-])/];

const kept = new Set<string>();
const open = new Set<string>();

/** This text is sent as a secret, but also where it may come out. */
export function allowInOutput(text: string): void {
  open.add(text);
}

/** Remembers the secrets of a body that the tests of this file send. */
export function registerSecretsOf(body: unknown): void {
  if (!(body instanceof Object)) return;
  for (const [name, value] of Object.entries(body)) if (NAMES.test(name)) registerSecret(value);
}

export function registerSecret(value: unknown): void {
  if (typeof value === 'string' && value.length >= SHORTEST && kept.size < MOST && !open.has(value)) kept.add(value);
}

/** Neither what was kept nor what looks like a token or a hash (LOG-01). */
export function expectNoSecret(text: string): void {
  for (const secret of kept) if (text.includes(secret)) expect.fail(`a secret came out: ${around(text, secret)}`);
  for (const look of LOOKS) expect(look.exec(text)?.[0]).toBeUndefined();
}

function around(text: string, secret: string): string {
  const at = text.indexOf(secret);
  return text.slice(Math.max(0, at - 200), at + secret.length + 50);
}
