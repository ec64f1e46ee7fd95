import type { FastifyRequest } from 'fastify';
import { headersTooLarge, uriTooLong } from '../problems/http-status.problems.js';
import type { Problem } from '../problems/problem.js';

/** More header fields are 431. Node drops all beyond 2000 without an error, so the limit must be ours. */
export const MAX_HEADER_FIELDS = 100;

/** Longer request targets are 414. Node limits the whole header section to 16 KiB (431). */
export const MAX_TARGET_LENGTH = 4096;

/** 431 for too many header fields, 414 for a target that is too long. */
export function checkHeadLimits({ raw, url }: FastifyRequest): Problem | undefined {
  if (raw.rawHeaders.length > 2 * MAX_HEADER_FIELDS) return headersTooLarge();
  return url.length > MAX_TARGET_LENGTH ? uriTooLong() : undefined;
}

/**
 * Node counts the request line as a header. It is recognised only if the section began in the packet that overflowed.
 */
export function isRequestLineTooLong(packet: unknown): boolean {
  if (!Buffer.isBuffer(packet) || !/^[A-Z]+ \//.test(packet.toString('latin1', 0, 16))) return false;
  const end = packet.indexOf('\n');
  return end === -1 || end > MAX_TARGET_LENGTH;
}
