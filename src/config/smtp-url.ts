import ipaddr from 'ipaddr.js';
import { isDecodable } from './percent-encoding.js';

/** The mail server that `SMTP_URL` names. */
export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /**
   * `implicit` from the first byte (RFC 8314), by `STARTTLS` (RFC 3207), without which no mail is sent, or `none`: to a server
   * on this machine, or as the URL says.
   */
  readonly tls: 'implicit' | 'STARTTLS' | 'none';
  readonly login?: { readonly user: string; readonly password: string };
}

/** RFC 6409 and RFC 8314. */
const PORTS = { smtp: 587, smtps: 465 } as const;
const PARTS =
  /^(?<scheme>smtps?):\/\/(?:(?<user>[^\s:@/?#]+):(?<password>[^\s:@/?#]+)@)?(?<host>[\w.-]+|\[[\da-f:.]+\])(?::(?<port>\d{1,5}))?\/?(?:\?(?<query>.*))?$/i;

/** Completes "SMTP_URL …" about an invalid URL, without repeating it; undefined for a valid one. */
export function invalidSmtpUrlReason(text: string): string | undefined {
  if (!/^smtps?:\/\//i.test(text)) return 'does not start with smtp:// or smtps://';
  const { scheme, user = '', password = '', port = '1', query = '' } = PARTS.exec(text)?.groups ?? {};
  if (scheme === undefined) {
    return 'is not a URL such as smtp://user:password@mail.example.com:587: percent-encode the special characters of its user name and password, : as %3A, @ as %40, / as %2F, ? as %3F, # as %23, % as %25';
  }
  if (![user, password].every(isDecodable))
    return 'has a % in its user name or password that encodes nothing: write it as %25';
  if (Number(port) < 1 || Number(port) > 65_535) return 'has a port that is not from 1 to 65535';
  if (!['', 'tls=on', 'tls=off'].includes(query)) return 'has another parameter than tls=on or tls=off: remove it';
  if (query === 'tls=off' && scheme.toLowerCase() === 'smtps')
    return 'has tls=off, which contradicts smtps://: write smtp://, or remove it';
  return undefined;
}

/** @param url that {@link invalidSmtpUrlReason} accepts */
export function parseSmtpUrl(url: string): SmtpServer {
  const { scheme = '', user, password = '', host = '', port, query } = PARTS.exec(url)?.groups ?? {};
  const isImplicit = scheme.toLowerCase() === 'smtps';
  const bare = host.replace(/^\[|\]$/g, '');
  const withoutTls = query === 'tls=off' || (query !== 'tls=on' && isThisMachine(bare));
  return {
    host: bare,
    port: port === undefined ? PORTS[isImplicit ? 'smtps' : 'smtp'] : Number(port),
    tls: isImplicit ? 'implicit' : withoutTls ? 'none' : 'STARTTLS',
    ...(user !== undefined && {
      login: { user: decodeURIComponent(user), password: decodeURIComponent(password) },
    }),
  };
}

function isThisMachine(host: string): boolean {
  return host.toLowerCase() === 'localhost' || (ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback');
}
