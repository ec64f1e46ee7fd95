import { createServer } from 'node:http';
import { PATH, serveNode, viewOfSomebody } from './peer.ts';

serveNode(
  createServer((request, response) => {
    if (request.url !== PATH) {
      response.writeHead(404).end();
      return;
    }
    const body = JSON.stringify(viewOfSomebody);
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
      .end(body);
  }),
);
