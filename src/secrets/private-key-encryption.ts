import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { deriveKey } from './derived-keys.js';

const FORMAT = 1;
const NAME_BYTES = 8;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + NAME_BYTES + IV_BYTES + TAG_BYTES;

/** None of the given master secrets decrypts a private key. */
export class PrivateKeyDecryptionError extends Error {
  override readonly name = 'PrivateKeyDecryptionError';
}

/**
 * Encrypts a private key (PKCS #8 DER) under a key derived from the first master secret: AES-256-GCM with the kid as
 * additional data. Layout: format, name of the encryption key, IV, tag, ciphertext.
 */
export function encryptPrivateKey(masterSecrets: readonly string[], kid: string, pkcs8: Buffer): Buffer {
  const [secret] = masterSecrets;
  if (secret === undefined) throw new PrivateKeyDecryptionError('there is no master secret');
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', deriveKey(secret, 'key-encryption'), iv).setAAD(Buffer.from(kid));
  const ciphertext = Buffer.concat([cipher.update(pkcs8), cipher.final()]);
  return Buffer.concat([Buffer.of(FORMAT), encryptionKeyName(secret), iv, cipher.getAuthTag(), ciphertext]);
}

/**
 * Decrypts a private key that {@link encryptPrivateKey} encrypted.
 * @throws {PrivateKeyDecryptionError} when it needs another master secret, is damaged, or belongs to another kid.
 */
export function decryptPrivateKey(masterSecrets: readonly string[], kid: string, encrypted: Uint8Array): Buffer {
  const bytes = Buffer.from(encrypted);
  if (bytes.length < HEADER_BYTES || bytes[0] !== FORMAT)
    throw new PrivateKeyDecryptionError(`key ${kid} is not in a known format`);
  const name = bytes.subarray(1, 1 + NAME_BYTES);
  const secret = masterSecrets.find((candidate) => encryptionKeyName(candidate).equals(name));
  if (secret === undefined)
    throw new PrivateKeyDecryptionError(
      `key ${kid} needs another MASTER_SECRET than the one given: set the one that encrypted it; if it is lost, see docs/operations.md, "A lost MASTER_SECRET"`,
    );
  return decrypt(deriveKey(secret, 'key-encryption'), kid, bytes);
}

function decrypt(key: Buffer, kid: string, bytes: Buffer): Buffer {
  const iv = bytes.subarray(1 + NAME_BYTES, 1 + NAME_BYTES + IV_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(kid));
  decipher.setAuthTag(bytes.subarray(1 + NAME_BYTES + IV_BYTES, HEADER_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(HEADER_BYTES)), decipher.final()]);
  } catch (cause) {
    throw new PrivateKeyDecryptionError(`key ${kid} is damaged`, { cause });
  }
}

/** Whether a private key was encrypted under the first master secret. */
export function isEncryptedUnderFirst([secret = '']: readonly string[], encrypted: Uint8Array): boolean {
  return Buffer.from(encrypted)
    .subarray(1, 1 + NAME_BYTES)
    .equals(encryptionKeyName(secret));
}

/** Identifies the encryption key. Derived under a label of its own, so that it reveals nothing about the key. */
function encryptionKeyName(secret: string): Buffer {
  return deriveKey(secret, 'key-encryption name').subarray(0, NAME_BYTES);
}
