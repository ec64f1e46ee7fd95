import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { fromNodeHeaders } from 'better-auth/node';
import { fastify } from 'fastify';
import { PATH, secret, serveFastify } from './peer.ts';

/** Its session lives in cookies, so its credential is the Cookie header of a real sign-up. */
const auth = betterAuth({
  baseURL: 'http://127.0.0.1',
  secret,
  database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
  emailAndPassword: { enabled: true },
  session: { cookieCache: { enabled: true, maxAge: 86_400 } },
  telemetry: { enabled: false },
  logger: { disabled: true },
});

async function cookie(): Promise<string> {
  const body = { name: 'Bench', email: 'bench@example.com', password: 'correct horse battery staple' };
  const { headers } = await auth.api.signUpEmail({ body, returnHeaders: true });
  return headers
    .getSetCookie()
    .map((each) => each.split(';')[0])
    .join('; ');
}

const app = fastify();
app.get(PATH, async (request, reply) => {
  const found = await auth.api.getSession({ headers: fromNodeHeaders(request.headers) });
  if (found === null) return reply.code(401).send({ error: 'unauthorized' });
  const { user, session } = found;
  return {
    kind: 'user',
    userId: user.id,
    email: user.email,
    roles: [],
    sessionId: session.id,
    expiresAt: session.expiresAt.toISOString(),
  };
});
await serveFastify(app, { cookie });
