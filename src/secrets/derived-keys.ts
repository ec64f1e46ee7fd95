import { hkdfSync } from 'node:crypto';

/**
 * A 32-byte key derived from one value of `MASTER_SECRET` for one purpose (RFC 5869, SHA-256, empty salt).
 * The label names the purpose; a key is used for one purpose only.
 */
export function deriveKey(secret: string, label: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `gatehouse ${label}`, 32));
}
