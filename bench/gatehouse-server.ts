import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Controller, Get, Module } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { AccessTokenVerifier } from '../dist/access/access-token.verifier.js';
import { CurrentUser, OptionalUser, Public, Roles } from '../dist/access/route-access.decorators.js';
import type { Principal } from '../dist/access/principal.js';
import { createApp } from '../dist/app.js';
import { requireMasterSecret } from '../dist/config/setting-conflicts.js';
import { PrincipalView } from '../dist/auth/auth.schemas.js';
import { parseSettings } from '../dist/config/read-settings.js';
import { provideDatabase } from '../dist/database/provide-database.js';
import { BackgroundJobs } from '../dist/jobs/background-jobs.js';
import { PasswordsService } from '../dist/passwords/passwords.service.js';
import { Problem } from '../dist/problems/problem.js';
import { RevocationsService } from '../dist/revocation/revocations.service.js';
import { AccessTokenIssuer } from '../dist/tokens/access-token-issuer.js';
import { startProfile, stopProfile } from './cpu-profiler.ts';
import { serveHarness } from './measured-process.ts';
import { threadMilliseconds } from './process-tree.ts';

type Caller = Pick<Principal, 'kind' | 'userId' | 'email' | 'roles' | 'sessionId' | 'expiresAt'>;

/** The constant caller of the unguarded route. */
const somebody: Caller = Object.freeze({
  kind: 'user',
  userId: '01920000-0000-7000-8000-000000000001',
  email: 'bench@example.com',
  roles: [],
  sessionId: '01920000-0000-7000-8000-000000000002',
  expiresAt: new Date(4e12),
});

/** The handler of GET /v1/auth/me, with the same parameter and schema, without authentication, with it, and with a role. */
class BenchController {
  unguarded(user: Caller = somebody): PrincipalView {
    return view(user);
  }

  guarded(user: Caller = somebody): PrincipalView {
    return view(user);
  }

  admin(user: Caller = somebody): PrincipalView {
    return view(user);
  }
}

function view({ kind, userId, email, roles, sessionId, expiresAt }: Caller): PrincipalView {
  return { kind, userId, email, roles: [...roles], sessionId, expiresAt: expiresAt.toISOString() };
}

/** The route of `docs/building-on-it.md`. */
class NotesController {
  mine(user: Principal): { notesOf: string } {
    return { notesOf: user.userId };
  }
}

class BenchModule {}

/** Calls the decorators as functions: Node strips types but does not support decorators. */
function decorate(): void {
  const response = { response: { 200: PrincipalView } };
  const access = { unguarded: [Public()], guarded: [], admin: [Roles('admin')] };
  for (const [name, decorators] of Object.entries(access)) {
    OptionalUser()(BenchController.prototype, name, 0);
    decorateMethod(BenchController.prototype, name, [Get(name), RouteSchema(response), ...decorators]);
  }
  Controller('bench')(BenchController);
  CurrentUser()(NotesController.prototype, 'mine', 0);
  decorateMethod(NotesController.prototype, 'mine', [Get('mine')]);
  Controller('v1/notes')(NotesController);
  Module({ controllers: [BenchController, NotesController] })(BenchModule);
}

function decorateMethod(prototype: object, name: string, decorators: readonly MethodDecorator[]): void {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
  if (descriptor === undefined) throw new Error(`no method ${name}`);
  for (const decorator of decorators) decorator(prototype, name, descriptor);
}

const settings = parseSettings(JSON.parse(process.argv[2] ?? '{}') as Record<string, string>);
const database = await provideDatabase(settings, 'app');
decorate();
const app = await createApp(requireMasterSecret(database.config), { features: [BenchModule] });
await app.listen(0, '127.0.0.1');

const verifier = app.get(AccessTokenVerifier, { strict: false });
const tokens = app.get(AccessTokenIssuer, { strict: false });

serveHarness(await app.getUrl(), stop, {
  revocations: () => app.get(RevocationsService, { strict: false }).size,
  mint,
  gate: verifierNanoseconds,
  rss: () => process.memoryUsage.rss(),
  hashes: hashesPerSecond,
  pid: () => process.pid,
  runJob: (name: string) => app.get(BackgroundJobs, { strict: false }).runJob(name),
  jobFailures: () => app.get(BackgroundJobs, { strict: false }).failureCounts(),
  threads: () => threadMilliseconds(['self'], 'hash'),
  startProfile,
  stopProfile,
});

/** Access tokens of this many users and sessions. */
function mint(count: number): string[] {
  const user = { email: 'bench@example.com', emailVerified: false, roles: [], version: 0 };
  return Array.from(
    { length: count },
    () => tokens.issueAccessToken({ id: randomUUID(), ...user }, randomUUID()).accessToken,
  );
}

const VERIFIER_MILLISECONDS = 100;

/**
 * Nanoseconds of one verification of a known token. Each call gets a new string, as in a request, so that the engine
 * has not computed its hash yet; the time of creating the strings is subtracted.
 */
async function verifierNanoseconds(given: readonly string[]): Promise<number> {
  for (const token of given) await verifier.verifyAccessToken(token);
  const texts = given.map((token) => Buffer.from(token));
  const perCall = (use: (token: string) => unknown): number => {
    const startedAt = performance.now();
    let calls = 0;
    while (performance.now() - startedAt < VERIFIER_MILLISECONDS) {
      for (let call = 0; call < 100; call++) use((texts[calls++ % texts.length] as Buffer).toString('latin1'));
    }
    return ((performance.now() - startedAt) * 1e6) / calls;
  };
  const whole = perCall((token) => verifier.findVerifiedPrincipal(token));
  return whole - perCall((token) => token.charCodeAt(0));
}

/** Pause before the retry of a refused hash. */
const RETRY_MILLISECONDS = 10;

/** Password hashes per second without other work: one running and one waiting for each thread. */
async function hashesPerSecond(seconds: number): Promise<number> {
  const passwords = app.get(PasswordsService, { strict: false });
  const passwordHash = await untilAdmitted(() => passwords.hashPassword('a long enough passphrase'));
  const startedAt = performance.now();
  let hashes = 0;
  const work = async (): Promise<void> => {
    while (performance.now() - startedAt < seconds * 1000) {
      await untilAdmitted(() => passwords.verifyPassword('a long enough passphrase', passwordHash));
      hashes++;
    }
  };
  await Promise.all(Array.from({ length: 2 * passwords.hashStats().limit }, () => work()));
  return hashes / ((performance.now() - startedAt) / 1000);
}

/** Retries while the hash queue refuses: on a busy machine even one waiting hash may be too many. */
async function untilAdmitted<Made>(ask: () => Promise<Made>): Promise<Made> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Problem && error.kind.code === 'service_unavailable')) throw error;
      await pause(RETRY_MILLISECONDS);
    }
  }
}

async function stop(): Promise<void> {
  await app.close();
  await database.stop();
}
