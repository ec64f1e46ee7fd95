import type { IncomingMessage } from 'node:http';
import { expectationFailed } from '../problems/http-status.problems.js';
import type { Problem } from '../problems/problem.js';

/**
 * 417 for any expectation but `100-continue`, which Node has answered by then. HTTP/1.0 has no expectations (RFC 9110
 * section 10.1.1). The connection is closed: the body is not read.
 */
export function checkExpectation({ headers, httpVersion }: IncomingMessage): Problem | undefined {
  const { expect } = headers;
  if (expect === undefined || httpVersion !== '1.1' || /(?:^|\W)100-continue(?:$|\W)/i.test(expect)) return undefined;
  return expectationFailed({ headers: { connection: 'close' } });
}
