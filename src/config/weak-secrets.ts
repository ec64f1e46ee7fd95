/** RFC 7518 section 3.2: a key of the same size as the hash output or larger. */
const LEAST_BYTES = 32;
const LEAST_DISTINCT_CHARACTERS = 10;

/** What tutorials, sample files and framework defaults use; compared without case, punctuation or padding. */
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

/** Why a secret is refused, without repeating it; undefined when it may serve. */
export function weakSecretReason(secret: string): string | undefined {
  if (Buffer.byteLength(secret) < LEAST_BYTES) return `is shorter than ${LEAST_BYTES} bytes`;
  if (new Set(secret).size < LEAST_DISTINCT_CHARACTERS) return 'repeats too few characters';
  const letters = secret.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  return SAMPLES.some((sample) => letters.includes(sample)) ? 'is a well-known sample value' : undefined;
}
