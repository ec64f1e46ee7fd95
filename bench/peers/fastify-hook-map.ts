import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import { fastify } from 'fastify';
import { audience, bearerToken, issuer, PATH, secret, serveFastify, somebody, view, type Claims } from './peer.ts';

/** As little as a hand-formatEstimate guard can do: no revocation, no bound, no other rule than these. */
const key = createSecretKey(Buffer.from(secret));
const verified = new Map<string, Claims>();

function verify(token: string): Claims | undefined {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const given = Buffer.from(signature, 'base64url');
  const right = createHmac('sha256', key).update(`${header}.${payload}`).digest();
  if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims & { iss: string; aud: string };
  if (claims.iss !== issuer || claims.aud !== audience) return undefined;
  verified.set(token, claims);
  return claims;
}

const app = fastify();
app.decorateRequest('claims');
app.addHook('onRequest', (request, reply, done) => {
  const token = bearerToken(request.headers.authorization);
  const claims = verified.get(token) ?? verify(token);
  if (claims === undefined || claims.exp * 1000 <= Date.now()) {
    void reply.code(401).send({ error: 'unauthorized' });
    return;
  }
  request.claims = claims;
  done();
});
app.get(PATH, ({ claims = somebody }, reply) => void reply.send(view(claims)));
await serveFastify(app);
