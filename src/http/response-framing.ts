import { ServerResponse, type IncomingMessage, type OutgoingHttpHeader, type OutgoingHttpHeaders } from 'node:http';
import { lingerIfIncomplete } from './lingering-close.js';

type Headers = OutgoingHttpHeaders | OutgoingHttpHeader[];

/**
 * Node's response, for `http.createServer({ ServerResponse })`, with two rules added. A response that begins before the
 * end of a chunked request body has `Connection: close`: nothing after that response is read (RFC 9112 section 9.6), so
 * the client must not send its next request on this connection. And a 1xx status throws: the client would go on waiting
 * for a final response, and take the response to its next request for it (RFC 9110 section 15.2). `writeContinue`,
 * `writeProcessing` and `writeEarlyHints` are unchanged. A connection that closes before the end of a body lingers.
 */
export class FramedResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  override writeHead(status: number, reason?: string | Headers, headers?: Headers): this {
    if (status < 200) throw new RangeError(`${status} is not the status of a final response.`);
    if (!this.req.complete) this.#endBeforeBody();
    return super.writeHead(status, reason as string, headers);
  }

  #endBeforeBody(): void {
    const { 'transfer-encoding': coding, 'content-length': length } = this.req.headers;
    if (coding !== undefined) this.setHeader('connection', 'close');
    if (coding !== undefined || length !== undefined) lingerIfIncomplete(this);
  }
}
