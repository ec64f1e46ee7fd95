import ipaddr from 'ipaddr.js';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, type Server } from 'node:net';

const FORWARDED_FOR = 'x-forwarded-for';

/** A longer chain of trusted proxies is not followed. */
const MOST_PROXIES = 32;

/** No address is longer, with brackets, zone and port. */
const LONGEST_ENTRY = 100;

/** RFC 7239 section 6: in brackets, with a port; either may be missing. */
const BRACKETED = /^\[([^\]]*)\](?::(?:\d{1,5}|_[\w.-]+))?$/;
const WITH_PORT = /^([\d.]+):(?:\d{1,5}|_[\w.-]+)$/;

/** Whether an address is of a proxy whose `X-Forwarded-For` is believed. */
export type IsTrustedProxy = (address: string) => boolean;

/** Of addresses and networks as `TRUSTED_PROXIES` names them; an IPv4 address is the same when written as IPv6. */
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
 * The client's address: of `X-Forwarded-For`, read from the right, the first that is no trusted proxy. Where an entry on the way is no
 * address nothing left of it is believed, and it is the socket's: a client that can write there must not choose whom it is counted as.
 */
export function clientAddress({ headers, socket }: IncomingMessage, isTrusted: IsTrustedProxy): string {
  const { remoteAddress = '' } = socket;
  const forwarded = headers[FORWARDED_FOR];
  if (typeof forwarded !== 'string' || !isTrusted(remoteAddress)) return remoteAddress;
  const entries = forwarded.split(',').filter((entry) => entry.trim() !== '');
  let client = remoteAddress;
  for (const [hop, entry] of entries.toReversed().entries()) {
    const address = hop < MOST_PROXIES ? addressIn(entry) : undefined;
    if (address === undefined) return remoteAddress;
    client = address;
    if (!isTrusted(address)) return client;
  }
  return client;
}

const told = new WeakSet<Server>();

/**
 * Has Fastify's `request.ip` be {@link clientAddress}: leaves the one address it is then read from in the header. Where nobody is
 * trusted, the log says once that the header came.
 */
export function clientAddressSetter(isTrusted: IsTrustedProxy | undefined): (request: FastifyRequest) => void {
  return (request) => {
    const { raw } = request;
    if (raw.headers[FORWARDED_FOR] === undefined) return;
    if (isTrusted) raw.headers[FORWARDED_FOR] = clientAddress(raw, isTrusted);
    else warnOnce(request.server);
  };
}

/** Without anything of the request, which may be any stranger's. */
function warnOnce({ server, log }: FastifyInstance): void {
  if (told.has(server)) return;
  told.add(server);
  log.warn(
    { event: 'forwarded_for_ignored' },
    'X-Forwarded-For came, but TRUSTED_PROXIES names nobody who may send it. Behind a proxy all clients count as one.',
  );
}

/** The address without quotes, brackets, port and zone, in one spelling (RFC 5952); undefined for what is no address. */
function addressIn(entry: string): string | undefined {
  if (entry.length > LONGEST_ENTRY) return undefined;
  const [, unquoted = entry.trim()] = /^\s*"(.*)"\s*$/.exec(entry) ?? [];
  const [, bracketed] = BRACKETED.exec(unquoted) ?? [];
  const [, withPort] = WITH_PORT.exec(unquoted) ?? [];
  const address = withoutZone(bracketed ?? withPort ?? unquoted);
  const family = isIP(address);
  if (family === 0 || (family === 4 && bracketed !== undefined)) return undefined;
  return ipaddr.process(address).toString();
}

/** RFC 4007 section 11: a zone means something to one machine alone. */
function withoutZone(address: string): string {
  const [bare = ''] = address.split('%');
  return bare;
}
