import type { IncomingMessage } from 'node:http';
import { requestMalformed } from '../problems/http-status.problems.js';
import type { Problem } from '../problems/problem.js';

/** The characters of RFC 3986 section 3.2.2, and a port. */
const HOST = /^[\w.~!$&'()*+,;=%[\]:-]*$/;

/**
 * 400 for a request that Node accepts but that a server before this one may have read differently (request smuggling): where
 * it ends, for whom it is, or whose it is. The connection is closed.
 */
export function checkFraming(request: IncomingMessage): Problem | undefined {
  const isAmbiguous = request.httpVersionMajor !== 1 || hasWrongCoding(request) || hasWrongFields(request);
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

/**
 * RFC 9112 section 3.2: more than one Host, an invalid one, or none in HTTP/1.1 is 400. RFC 9110 section 5.3: nor is
 * Authorization or Content-Type sent twice. Node would use the first, and a server before this one may have used the last.
 */
function hasWrongFields({ rawHeaders, httpVersion }: IncomingMessage): boolean {
  let [hosts, credentials, mediaTypes] = [0, 0, 0];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (isField(name, 'host')) {
      if (!HOST.test(rawHeaders[at + 1] ?? '')) return true;
      hosts++;
    } else if (isField(name, 'authorization')) credentials++;
    else if (isField(name, 'content-type')) mediaTypes++;
  }
  return hosts > 1 || credentials > 1 || mediaTypes > 1 || (hosts === 0 && httpVersion === '1.1');
}

function isField(name: string, field: string): boolean {
  return name.length === field.length && name.toLowerCase() === field;
}
