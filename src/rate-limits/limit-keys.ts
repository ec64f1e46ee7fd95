import { Inject, Injectable } from '@nestjs/common';
import ipaddr from 'ipaddr.js';
import { createHmac } from 'node:crypto';
import { CONFIG, type Config } from '../config/config.js';
import { deriveKey } from '../secrets/derived-keys.js';
import { ACCOUNT_GUARD } from './limit-policies.js';

const KEY_BYTES = 16;

/** The keys of rate limits' rows: HMACs, so that a dump of the database contains no addresses. */
@Injectable()
export class LimitKeys {
  readonly #secret: Buffer;

  constructor(@Inject(CONFIG) config: Config) {
    // The first of two secrets alone: while a secret is changed, all counts restart once and not twice.
    this.#secret = deriveKey(config.masterSecret[0] ?? '', 'limits');
  }

  /** @param subjects by what the limit counts, in the order of {@link LIMIT_SUBJECTS} */
  keyFor(limit: string, ...subjects: readonly string[]): Buffer {
    const text = JSON.stringify([limit, ...subjects]);
    return createHmac('sha256', this.#secret).update(text).digest().subarray(0, KEY_BYTES);
  }

  /** Of the account guard of an address in lower case. */
  guardKeyFor(account: string): Buffer {
    return this.keyFor(ACCOUNT_GUARD.name, account);
  }
}

/**
 * The client that an address is counted as: the address itself in IPv4; its /64 in IPv6, since a
 * household has 2^64 addresses.
 */
export function clientOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  return ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toNormalizedString()}/64`).toString();
}
