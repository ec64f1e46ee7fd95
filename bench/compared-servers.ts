import { deepStrictEqual } from 'node:assert';
import type { Bench, Environment, Server } from './harness.ts';
import { bearer, Load, type Credential } from './load-generator.ts';
import type { ComparedServer } from './measure-rounds.ts';
import { forgeSignature, JWT_SECRET, mintToken, viewOf } from './tokens.ts';

/** The benchmarked route, at the application and at every peer. */
export const ME = '/v1/auth/me';

interface Peer {
  /** In `peers/`. */
  readonly file: string;
  readonly argument?: string;
  readonly isUnguarded?: true;
}

/** By their names in the tables. */
export const PEERS = {
  'raw node:http': { file: 'node-http', isUnguarded: true },
  'raw Fastify': { file: 'fastify-unguarded', isUnguarded: true },
  'raw Fastify, our headers': { file: 'fastify-unguarded', argument: 'headers', isUnguarded: true },
  'least Nest': { file: 'nest-unguarded', isUnguarded: true },
  'Fastify, hook and map': { file: 'fastify-hook-map' },
  '@fastify/jwt, cache': { file: 'fastify-jwt', argument: 'cache' },
  '@fastify/jwt, no cache': { file: 'fastify-jwt' },
  'Express, express-jwt': { file: 'express-jwt' },
  'Hono, hono/jwt': { file: 'hono-jwt' },
  tutorial: { file: 'tutorial' },
  'better-auth': { file: 'better-auth' },
} as const satisfies Record<string, Peer>;

export type PeerName = keyof typeof PEERS;

/** Starts the application with the HS256 secret of its peers. */
export async function startGatehouse(bench: Bench, environment: Environment = {}, stdout?: string): Promise<Server> {
  return bench.startServer(await bench.createDatabase(), { JWT_SECRET, ...environment }, stdout);
}

/** Prepares the load for the application's guarded route, once it has been seen to answer correctly. */
export async function guardedRoute(server: Server, token = mintToken()): Promise<ComparedServer> {
  const url = server.url + ME;
  await checkGuard(url, bearer(token), bearer(forgeSignature(token)), viewOf(token));
  return { server, load: new Load(url, [bearer(token)]) };
}

/** Prepares the load for the route that a builder adds, of `docs/building-on-it.md`, once it has answered correctly. */
export async function buildersRoute(server: Server, token = mintToken()): Promise<ComparedServer> {
  const url = `${server.url}/v1/notes/mine`;
  const { userId } = viewOf(token);
  await checkGuard(url, bearer(token), bearer(forgeSignature(token)), { notesOf: userId });
  return { server, load: new Load(url, [bearer(token)]) };
}

/** The headers that the application sends, beyond those that every answer has. */
export async function ownHeaders({ server }: ComparedServer): Promise<Record<string, string>> {
  const token = bearer(mintToken());
  const { headers } = await fetch(server.url + ME, { headers: [[...token]] });
  const common = new Set(['content-type', 'content-length', 'date', 'connection', 'keep-alive']);
  return Object.fromEntries([...headers].filter(([name]) => !common.has(name)));
}

/**
 * Starts a peer, and checks that it answers as the application does and refuses a tampered
 * credential (if it checks any).
 */
export async function startPeer(bench: Bench, name: PeerName, given: object = {}): Promise<ComparedServer> {
  const peer: Peer = PEERS[name];
  const server = await bench.startPeer(peer.file, given, peer.argument);
  const url = server.url + ME;
  const token = mintToken();
  let credential = bearer(token);
  if (name === 'better-auth') {
    const cookie = await server.ask<string>('cookie');
    credential = ['cookie', cookie];
    const { email } = await checkAnswer(url, credential);
    deepStrictEqual(email, 'bench@example.com');
    await checkRefusal(url, ['cookie', cookie.replaceAll(/=[^;]{8}/g, '=AAAAAAAA')]);
  } else if (peer.isUnguarded) await checkAnswer(url, credential);
  else await checkGuard(url, credential, bearer(forgeSignature(token)), viewOf(token));
  return { server, load: new Load(url, [credential]) };
}

export async function checkGuard(url: string, good: Credential, tampered: Credential, body: object): Promise<void> {
  deepStrictEqual(await answerTo(url, good), body, `${url} answered something else`);
  await checkRefusal(url, tampered);
}

const MEMBERS = ['kind', 'userId', 'email', 'roles', 'sessionId', 'expiresAt'];

async function checkAnswer(url: string, credential: Credential): Promise<Record<string, unknown>> {
  const body = await answerTo(url, credential);
  deepStrictEqual(Object.keys(body), MEMBERS);
  return body;
}

async function answerTo(url: string, credential: Credential): Promise<Record<string, unknown>> {
  const response = await fetch(url, { headers: [[...credential]] });
  if (response.status !== 200) throw new Error(`${url} answered ${response.status} to a good credential`);
  return (await response.json()) as Record<string, unknown>;
}

async function checkRefusal(url: string, credential: Credential): Promise<void> {
  const { status } = await fetch(url, { headers: [[...credential]] });
  if (status !== 401) throw new Error(`${url} answered ${status} to a tampered credential`);
}
