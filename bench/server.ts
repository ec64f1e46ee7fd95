import { Controller, Get, Module } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { OptionalUser, Public } from '../dist/access/route-access.decorators.js';
import type { Principal } from '../dist/access/principal.js';
import { createApp } from '../dist/app.js';
import { requireMasterSecret } from '../dist/config/config.js';
import { PrincipalView } from '../dist/auth/auth.messages.js';
import { parseSettings } from '../dist/config/read-settings.js';
import { provideDatabase } from '../dist/database/provide-database.js';
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
}

function view({ userId, email, sessionId, expiresAt }: Caller): PrincipalView {
  return { userId, email, sessionId, expiresAt: expiresAt.toISOString() };
}

class BenchModule {}

/** Decorators as the functions they are: Node strips types and knows no decorators. */
function decorate(): void {
  const route = (name: 'unguarded' | 'guarded', ...decorators: MethodDecorator[]): void => {
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

async function stop(): Promise<void> {
  await app.close();
  await database.stop();
  process.exit(0);
}
