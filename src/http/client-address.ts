import ipaddr from 'ipaddr.js';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, type Server } from 'node:net';

const FORWARDED_FOR = 'x-forwarded-for';

/** Longest chain of trusted proxies; with a longer one the address is the socket's. */
const MAX_PROXIES = 32;

/** Longer than any address with brackets, zone and port. */
const MAX_ENTRY_LENGTH = 100;

/** RFC 7239 section 6: IPv6 in brackets, IPv4 bare, either with or without a port. */
const BRACKETED = /^\[([^\]]*)\](?::(?:\d{1,5}|_[\w.-]+))?$/;
const WITH_PORT = /^([\d.]+):(?:\d{1,5}|_[\w.-]+)$/;

/** Whether an address is that of a proxy whose `X-Forwarded-For` is trusted. */
export type IsTrustedProxy = (address: string) => boolean;

/**
 * Takes addresses and networks in the form of `TRUSTED_PROXIES`. An IPv4 address also
 * matches when it is written as IPv6.
 */
export function trustedProxyMatcher(proxies: readonly string[]): IsTrustedProxy {
  const list = new BlockList();
  for (const proxy of proxies) {
    const [address = '', prefix] = proxy.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return (address) => {
    const bare = withoutZone(address);
    const family = isIP(bare);
    return family !== 0 && list.check(bare, family === 6 ? 'ipv6' : 'ipv4');
  };
}

/**
 * The client's address: the first one in `X-Forwarded-For`, read from the right, that is no trusted proxy. If
 * an entry on the way is no address, it is the socket's: a client that can write there must not choose the
 * address it is counted under.
 */
export function clientAddress({ headers, socket }: IncomingMessage, isTrusted: IsTrustedProxy): string {
  const { remoteAddress = '' } = socket;
  const forwarded = headers[FORWARDED_FOR];
  if (typeof forwarded !== 'string' || !isTrusted(remoteAddress)) return remoteAddress;
  const entries = forwarded.split(',').filter((entry) => entry.trim() !== '');
  let client = remoteAddress;
  for (const [hop, entry] of entries.toReversed().entries()) {
    const address = hop < MAX_PROXIES ? parseEntry(entry) : undefined;
    if (address === undefined) return remoteAddress;
    client = address;
    if (!isTrusted(address)) return client;
  }
  return client;
}

const warned = new WeakSet<Server>();

/**
 * Makes Fastify's `request.ip` the {@link clientAddress}: replaces the header by that one address, which Fastify then
 * reads. Without trusted proxies it logs one warning that the header was sent.
 */
export function clientAddressSetter(isTrusted: IsTrustedProxy | undefined): (request: FastifyRequest) => void {
  return (request) => {
    const { raw } = request;
    if (raw.headers[FORWARDED_FOR] === undefined) return;
    if (isTrusted) raw.headers[FORWARDED_FOR] = clientAddress(raw, isTrusted);
    else warnOnce(request.server);
  };
}

/** The warning holds no data of the request, which may come from anybody. */
function warnOnce({ server, log }: FastifyInstance): void {
  if (warned.has(server)) return;
  warned.add(server);
  log.warn(
    { event: 'forwarded_for_ignored' },
    'A request has X-Forwarded-For, but TRUSTED_PROXIES is not set, so the header is ignored. Behind a proxy all clients share one address: set TRUSTED_PROXIES to the address of the proxy.',
  );
}

/**
 * The address of an entry in its canonical form (RFC 5952), without quotes, brackets, port and
 * zone; undefined if it has none.
 */
function parseEntry(entry: string): string | undefined {
  if (entry.length > MAX_ENTRY_LENGTH) return undefined;
  const [, unquoted = entry.trim()] = /^\s*"(.*)"\s*$/.exec(entry) ?? [];
  const [, bracketed] = BRACKETED.exec(unquoted) ?? [];
  const [, withPort] = WITH_PORT.exec(unquoted) ?? [];
  const address = withoutZone(bracketed ?? withPort ?? unquoted);
  const family = isIP(address);
  if (family === 0 || (family === 4 && bracketed !== undefined)) return undefined;
  return ipaddr.process(address).toString();
}

/** RFC 4007 section 11: a zone has a meaning on one machine only. */
function withoutZone(address: string): string {
  const [bare = ''] = address.split('%');
  return bare;
}
