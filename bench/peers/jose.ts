import { fastify } from 'fastify';
import { importJWK, jwtVerify } from 'jose';
import { audience, bearerToken, issuer, jwk, PATH, serveFastify, somebody, view, type Claims } from './peer.ts';

/** Imported once, so that jose does not search a key set for each token. */
const key = await importJWK(jwk ?? {}, 'ES256');
const options = { algorithms: ['ES256'], issuer, audience, typ: 'at+jwt' };

const app = fastify();
app.decorateRequest('claims');
app.setErrorHandler((_error, _request, reply) => void reply.code(401).send({ error: 'unauthorized' }));
app.addHook('onRequest', async (request) => {
  const { payload } = await jwtVerify<Claims>(bearerToken(request.headers.authorization), key, options);
  request.claims = payload;
});
app.get(PATH, ({ claims = somebody }, reply) => void reply.send(view(claims)));
await serveFastify(app);
