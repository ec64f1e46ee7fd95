import express from 'express';
import { expressjwt, type Request } from 'express-jwt';
import { createServer } from 'node:http';
import { audience, issuer, PATH, secret, serveNode, view, type Claims } from './peer.ts';

const app = express();
app.use(expressjwt({ secret, algorithms: ['HS256'], issuer, audience }));
app.get(PATH, (request: Request<Claims>, response) => {
  response.json(view(request.auth as Claims));
});
app.use(((error, _request, response, _next) => {
  response.status((error as { status?: number }).status ?? 500).json({ error: 'unauthorized' });
}) satisfies express.ErrorRequestHandler);
serveNode(createServer(app));
