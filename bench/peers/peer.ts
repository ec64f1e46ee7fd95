import type { JWK } from 'jose';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { serveHarness } from '../measured-process.ts';

/** The configuration that the harness passes to every peer. */
export const {
  secret,
  issuer,
  audience,
  jwk,
  headers = {},
} = JSON.parse(process.argv[2] ?? '{}') as {
  secret: string;
  issuer: string;
  audience: string;
  /** The public key of the ES256 tokens. */
  jwk?: JWK;
  /** Response headers. */
  headers?: Record<string, string>;
};

export const PATH = '/v1/auth/me';

export interface Claims {
  readonly sub: string;
  readonly email: string;
  readonly sid: string;
  readonly exp: number;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by a hand-written hook. */
    claims?: Claims;
  }
}

/** The constant caller of an unguarded peer. */
export const somebody: Claims = Object.freeze({
  sub: '01920000-0000-7000-8000-000000000001',
  email: 'bench@example.com',
  sid: '01920000-0000-7000-8000-000000000002',
  exp: 4e9,
});

/** The response body of every peer. */
export function view({ sub, email, sid, exp }: Claims): Record<string, unknown> {
  return { kind: 'user', userId: sub, email, roles: [], sessionId: sid, expiresAt: new Date(exp * 1000).toISOString() };
}

/** The constant answer of an unguarded peer. */
export const viewOfSomebody = Object.freeze(view(somebody));

/** The response schema of an unguarded peer. */
export const VIEW_SCHEMA = {
  type: 'object',
  required: ['kind', 'userId', 'email', 'roles', 'sessionId', 'expiresAt'],
  properties: {
    kind: { type: 'string' },
    userId: { type: 'string' },
    email: { type: 'string' },
    roles: { type: 'array', items: { type: 'string' } },
    sessionId: { type: 'string' },
    expiresAt: { type: 'string' },
  },
};

export function bearerToken(authorization: string | undefined): string {
  return authorization?.startsWith('Bearer ') ? authorization.slice(7) : '';
}

interface Fastify {
  listen(options: { host: string; port: number }): Promise<string>;
  close(): Promise<unknown>;
}

export async function serveFastify(app: Fastify, answers?: Parameters<typeof serveHarness>[2]): Promise<void> {
  serveHarness(await app.listen({ host: '127.0.0.1', port: 0 }), () => app.close(), answers);
}

export function serveNode(server: Server): void {
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    serveHarness(`http://127.0.0.1:${port}`, async () => server.close());
  });
}
