import { defineSetting, parseList, type Described, type Setting } from './setting-parsers.js';

/** Schemes whose pages have no origin: browsers send `null`. */
const OPAQUE = /^(?:about|blob|data|file|ftp|javascript|wss?):/i;

/**
 * The value of `CORS_ORIGINS`: origins (RFC 6454), comma-separated, as browsers and the apps built on them send them.
 */
export function origins(options: Described): Setting<readonly string[]> {
  return defineSetting(options, (value) => parseList(value, invalidOriginReason));
}

function invalidOriginReason(entry: string): string | undefined {
  if (entry.includes('*')) {
    return 'has a *, but patterns are not supported: list each origin in full, such as https://app.example.com';
  }
  if (!/^[a-z][a-z\d+.-]*:\/\/./i.test(entry)) return `is not an origin, which has a scheme and a host: ${AS_ORIGIN}`;
  if (OPAQUE.test(entry)) return 'has a scheme for which browsers send no origin, so it would never match: remove it';
  if (/^[^:]+:\/\/[^/?#]*[/?#]/.test(entry)) {
    return 'has a path, query or slash after the host, which browsers do not send: end it with the host or its port, such as https://app.example.com';
  }
  if (isOrigin(entry)) return undefined;
  return `is not in the form that browsers send, so it would never match: write it in lower case, without user, without the default port (:443 of https, :80 of http), a non-ASCII name as xn--…; ${AS_ORIGIN}`;
}

const AS_ORIGIN = 'write it like https://app.example.com, http://localhost:5173 or capacitor://localhost';

function isOrigin(part: string): boolean {
  if (/^https?:/.test(part)) return URL.canParse(part) && new URL(part).origin === part;
  return /^[a-z][a-z\d+.-]*:\/\/[\w.-]+(?::\d{1,5})?$/.test(part);
}
