import fastifyJwt from '@fastify/jwt';
import { fastify } from 'fastify';
import { audience, issuer, PATH, secret, serveFastify, view, type Claims } from './peer.ts';

/** With the argument `cache`, it caches verified tokens; the default size is a thousand. */
const app = fastify();
await app.register(fastifyJwt, {
  secret,
  verify: { algorithms: ['HS256'], allowedIss: issuer, allowedAud: audience, cache: process.argv[3] === 'cache' },
});
app.addHook('onRequest', (request) => request.jwtVerify());
app.get(PATH, ({ user }, reply) => void reply.send(view(user as Claims)));
await serveFastify(app);
