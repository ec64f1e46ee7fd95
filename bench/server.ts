import { Controller, Get, Module, Param } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { Type } from 'typebox';
import { OptionalUser, Public } from '../dist/access/route-access.decorators.js';
import type { Principal } from '../dist/access/principal.js';
import { createApp } from '../dist/app.js';
import { requireMasterSecret } from '../dist/config/config.js';
import { PrincipalView } from '../dist/auth/auth.messages.js';
import { parseSettings } from '../dist/config/read-settings.js';
import { provideDatabase } from '../dist/database/provide-database.js';
import { PasswordsService } from '../dist/passwords/passwords.service.js';
import { RevocationsService } from '../dist/sessions/revocations.service.js';

type Caller = Pick<Principal, 'userId' | 'email' | 'sessionId' | 'expiresAt'>;

/** Who the unguarded route takes its caller for. */
const somebody: Caller = Object.freeze({
  userId: '01920000-0000-7000-8000-000000000001',
  email: 'bench@example.com',
  sessionId: '01920000-0000-7000-8000-000000000002',
  expiresAt: new Date(4e12),
});

/** The handler of GET /v1/auth/me twice, with the same parameter and the same schema; only the gate tells them apart. */
class BenchController {
  unguarded(user: Caller = somebody): PrincipalView {
    return view(user);
  }

  guarded(user: Caller = somebody): PrincipalView {
    return view(user);
  }

  /** Resident bytes. */
  rss() {
    return { value: process.memoryUsage.rss() };
  }

  /** Hashes per second when nothing else is asked of the passwords. */
  async hashes(seconds: string) {
    return { value: await hashesPerSecond(Number(seconds)) };
  }
}

const NumberView = Type.Object({ value: Type.Number() }, { additionalProperties: false });
const Seconds = Type.Object({ seconds: Type.String({ pattern: '^\\d{1,3}$' }) }, { additionalProperties: false });

function view({ userId, email, sessionId, expiresAt }: Caller): PrincipalView {
  return { userId, email, sessionId, expiresAt: expiresAt.toISOString() };
}

class BenchModule {}

/** Decorators as the functions they are: Node strips types and knows no decorators. */
function decorate(): void {
  const route = (name: keyof BenchController, ...decorators: MethodDecorator[]): void => {
    const descriptor = Object.getOwnPropertyDescriptor(BenchController.prototype, name);
    if (descriptor === undefined) throw new Error(`no method ${name}`);
    for (const decorator of decorators) decorator(BenchController.prototype, name, descriptor);
  };
  for (const name of ['unguarded', 'guarded'] as const) {
    OptionalUser()(BenchController.prototype, name, 0);
    route(
      name,
      Get(name),
      RouteSchema({ response: { 200: PrincipalView } }),
      ...(name === 'guarded' ? [] : [Public()]),
    );
  }
  route('rss', Get('rss'), RouteSchema({ response: { 200: NumberView } }), Public());
  Param('seconds')(BenchController.prototype, 'hashes', 0);
  route('hashes', Get('hashes/:seconds'), RouteSchema({ params: Seconds, response: { 200: NumberView } }), Public());
  Controller('bench')(BenchController);
  Module({ controllers: [BenchController] })(BenchModule);
}

const settings = parseSettings(JSON.parse(process.argv[2] ?? '{}') as Record<string, string>);
const database = await provideDatabase(settings, 'app');
decorate();
const app = await createApp(requireMasterSecret(database.config), [BenchModule]);
await app.listen(0, '127.0.0.1');

process.on('message', (message) => {
  if (message === 'cpu') process.send?.(cpuMicroseconds());
  if (message === 'heap') process.send?.(heapBytes());
  if (message === 'revocations') process.send?.(app.get(RevocationsService, { strict: false }).size);
  if (message === 'stop') void stop();
});
process.send?.(await app.getUrl());

function cpuMicroseconds(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/** Each thread has one at work and one that waits. */
async function hashesPerSecond(seconds: number): Promise<number> {
  const passwords = app.get(PasswordsService, { strict: false });
  const passwordHash = await passwords.hash('a long enough passphrase');
  const startedAt = performance.now();
  let hashes = 0;
  const work = async (): Promise<void> => {
    while (performance.now() - startedAt < seconds * 1000) {
      await passwords.verify('a long enough passphrase', passwordHash);
      hashes++;
    }
  };
  await Promise.all(Array.from({ length: 2 * passwords.stats().limit }, () => work()));
  return hashes / ((performance.now() - startedAt) / 1000);
}

async function stop(): Promise<void> {
  await app.close();
  await database.stop();
  process.exit(0);
}
