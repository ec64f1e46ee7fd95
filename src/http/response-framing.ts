import { ServerResponse, type IncomingMessage, type OutgoingHttpHeader, type OutgoingHttpHeaders } from 'node:http';

type Headers = OutgoingHttpHeaders | OutgoingHttpHeader[];

/**
 * Node's response, with two differences. It says `Connection: close` where it is given before the end of a chunked body: nothing behind that answer is read
 * (RFC 9112 section 9.6), so that the client must not send its next request there. And it is without a 1xx status, for `http.createServer({ ServerResponse })`: the client would go on waiting for the final one, and take
 * the answer to its next request for it (RFC 9110 section 15.2). `writeContinue`, `writeProcessing` and `writeEarlyHints` are as they were.
 */
export class FramedResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  override writeHead(status: number, reason?: string | Headers, headers?: Headers): this {
    if (status < 200) throw new RangeError(`${status} is not the status of a final response.`);
    if (!this.req.complete && this.req.headers['transfer-encoding'] !== undefined)
      this.setHeader('connection', 'close');
    return super.writeHead(status, reason as string, headers);
  }
}
