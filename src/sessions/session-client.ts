import ipaddr from 'ipaddr.js';
import { truncateUserAgent, type ClientInfo } from '../http/client-info.js';

/** Where and with what a session was started, for its owner to recognise it by. */
export interface SessionClient {
  readonly userAgent: string | null;
  readonly network: string | null;
}

export function sessionClientOf({ userAgent, address }: Pick<ClientInfo, 'userAgent' | 'address'>): SessionClient {
  return { userAgent: truncateUserAgent(userAgent), network: networkOf(address) };
}

/** Enough to recognise a place, too little to find a household: /24 of IPv4, /48 of IPv6. */
function networkOf(address: string): string | null {
  if (!ipaddr.isValid(address)) return null;
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv4
    ? `${ipaddr.IPv4.networkAddressFromCIDR(`${parsed.toString()}/24`).toString()}/24`
    : `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toNormalizedString()}/48`).toString()}/48`;
}
