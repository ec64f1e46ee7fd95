import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';
import { defineSetting, parseList, type Described, type Setting } from './setting-parsers.js';

/** Widest networks whose hosts may all set `X-Forwarded-For`. */
const WIDEST_IPV4_PREFIX = 8;
const WIDEST_IPV6_PREFIX = 16;

/** The value of `TRUSTED_PROXIES`: IP addresses or networks (RFC 4632), comma-separated. */
export function networks(options: Described): Setting<readonly string[]> {
  return defineSetting(options, (value) => parseList(value, invalidNetworkReason));
}

function invalidNetworkReason(entry: string): string | undefined {
  if (/^[a-z_][\w.-]*$/i.test(entry)) {
    return 'is a name, and names are not looked up: give the IP address of the proxy, such as 192.0.2.10, or its network, such as 10.0.0.0/8';
  }
  if (!isNetwork(entry)) {
    return 'is neither an IP address nor a network in CIDR notation, in full and without port, zone or brackets: write it like 192.0.2.10, 10.0.0.0/8 or 2001:db8::/32';
  }
  if (!isTooWide(entry)) return undefined;
  return 'is a network wider than /8 (IPv6: /16), and every host in it could choose the client address that is counted: give only the networks of your proxies';
}

function isNetwork(part: string): boolean {
  const [address = '', prefix, ...rest] = part.split('/');
  const family = isIP(address);
  const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 6 ? 128 : 32));
  return family !== 0 && !address.includes('%') && isPrefix && rest.length === 0;
}

/** Unique local and link-local addresses (RFC 4193, RFC 4291), which no client from outside has. */
const PRIVATE = [ipaddr.IPv6.parseCIDR('fc00::/7'), ipaddr.IPv6.parseCIDR('fe80::/10')];
/** The IPv4-mapped addresses of IPv6. */
const MAPPED = ipaddr.IPv6.parse('::ffff:0:0');
const MAPPED_PREFIX = 96;

function isTooWide(part: string): boolean {
  if (!part.includes('/')) return false;
  const [address, prefix] = ipaddr.parseCIDR(part);
  if (address instanceof ipaddr.IPv4) return prefix < WIDEST_IPV4_PREFIX;
  if (address.isIPv4MappedAddress() && prefix >= MAPPED_PREFIX) return prefix < MAPPED_PREFIX + WIDEST_IPV4_PREFIX;
  const isPrivate = PRIVATE.some(([network, least]) => prefix >= least && address.match(network, least));
  return MAPPED.match(address, prefix) || (prefix < WIDEST_IPV6_PREFIX && !isPrivate);
}
