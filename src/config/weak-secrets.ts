/** RFC 7518 section 3.2: a key of the same size as the hash output or larger. */
const MIN_BYTES = 32;
const MIN_DISTINCT_CHARACTERS = 10;

/** Secrets of tutorials, sample files and framework defaults; compared without case and punctuation, also as a part. */
const SAMPLES = [
  'supersecret',
  'secretkey',
  'mysecret',
  'yoursecret',
  'jwtsecret',
  'topsecret',
  'changeme',
  'changethis',
  'replaceme',
  'replacethis',
  'your256bitsecret',
  'thisisasecret',
  'donotuse',
  'notforproduction',
  'password',
  'placeholder',
  'example',
  'keyboardcat',
  'astringsecretatleast256bitslong',
  'correcthorsebatterystaple',
];

const GENERATE = 'generate a random one, for example with `openssl rand -base64 32`';

/** Why a secret is too weak, without repeating it; undefined if it is not. */
export function weakSecretReason(secret: string): string | undefined {
  if (Buffer.byteLength(secret) < MIN_BYTES) return `is shorter than ${MIN_BYTES} bytes: ${GENERATE}`;
  if (new Set(secret).size < MIN_DISTINCT_CHARACTERS)
    return `has fewer than ${MIN_DISTINCT_CHARACTERS} different characters: ${GENERATE}`;
  const letters = secret.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  return SAMPLES.some((sample) => letters.includes(sample))
    ? `contains a well-known sample value: ${GENERATE}`
    : undefined;
}
