import type { IncomingMessage } from 'node:http';
import { requestMalformed } from '../problems/http-status.problems.js';
import type { Problem } from '../problems/problem.js';

/** The characters of RFC 3986 section 3.2.2, and a port. */
const HOST = /^[\w.~!$&'()*+,;=%[\]:-]*$/;

/**
 * 400 for a request that Node accepts but that a server before this one may have read differently (request smuggling).
 * The connection is closed: where the request ends is not certain.
 */
export function checkFraming(request: IncomingMessage): Problem | undefined {
  const isAmbiguous = request.httpVersionMajor !== 1 || hasWrongCoding(request) || hasWrongHost(request);
  return isAmbiguous ? requestMalformed({ headers: { connection: 'close' } }) : undefined;
}

/**
 * RFC 9112 section 6.1: HTTP/1.0 has no transfer coding. `chunked` alone is decoded here; another
 * coding before it is refused too.
 */
function hasWrongCoding({ headers, httpVersion }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding'];
  return coding !== undefined && (httpVersion === '1.0' || coding.toLowerCase() !== 'chunked');
}

/** RFC 9112 section 3.2: more than one Host, an invalid one, or none in HTTP/1.1 is 400. Node would use the first. */
function hasWrongHost({ rawHeaders, httpVersion }: IncomingMessage): boolean {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length !== 4 || name.toLowerCase() !== 'host') continue;
    if (++count > 1 || !HOST.test(rawHeaders[at + 1] ?? '')) return true;
  }
  return count === 0 && httpVersion === '1.1';
}
