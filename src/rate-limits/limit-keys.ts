import { Inject, Injectable } from '@nestjs/common';
import ipaddr from 'ipaddr.js';
import { createHmac } from 'node:crypto';
import { CONFIG, type Config } from '../config/config.js';
import { deriveKey } from '../secrets/derived-keys.js';

const KEY_BYTES = 16;

/** The names under which attempts are counted: MACs, so that a dump of the database tells nobody's address. */
@Injectable()
export class LimitKeys {
  readonly #secret: Buffer;

  constructor(@Inject(CONFIG) config: Config) {
    // While a secret is changed each node counts under the first, so that counts begin anew once and not with each step.
    this.#secret = deriveKey(config.masterSecret[0] ?? '', 'limits');
  }

  keyFor(limit: string, ...whom: readonly string[]): Buffer {
    const text = JSON.stringify([limit, ...whom]);
    return createHmac('sha256', this.#secret).update(text).digest().subarray(0, KEY_BYTES);
  }
}

/** Whom an address stands for: itself in IPv4; in IPv6, where a household has 2^64 of them, its /64. */
export function clientOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  return ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toNormalizedString()}/64`).toString();
}
