import { Body, Controller, Get, Injectable, Module, Param, Post, Sse, type MessageEvent } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { randomUUID } from 'node:crypto';
import { fromEvent, interval, map, takeUntil, type Observable } from 'rxjs';
import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { Ended } from '../../src/access/ended.decorator.js';
import type { Principal } from '../../src/access/principal.js';
import { RateLimit } from '../../src/access/rate-limit.decorator.js';
import { CurrentUser } from '../../src/access/route-access.decorators.js';
import { Audit } from '../../src/audit/audit.js';
import { Database } from '../../src/database/database.js';
import { BackgroundJobs } from '../../src/jobs/background-jobs.js';
import { Users } from '../../src/users/users.js';
import { createDatabase, query, startApp, type Answer, type TestApp } from '../support/app.js';
import { proxiedUrl, TcpProxy } from '../support/tcp-proxy.js';

@Injectable()
class Counting {
  runs = 0;

  constructor(jobs: BackgroundJobs, database: Database) {
    jobs.every(1, 'count parcels', async () => {
      await database.query`SELECT count(*) FROM parcels`;
      this.runs++;
    });
  }
}

@Controller('v1/parcels')
class ParcelsController {
  constructor(
    private readonly database: Database,
    private readonly users: Users,
    private readonly audit: Audit,
  ) {}

  @Get()
  list(@CurrentUser() { userId }: Principal): Promise<object[]> {
    return this.database.query`SELECT id FROM parcels WHERE user_id = ${userId}::uuid`;
  }

  @Get('plain')
  plain(@CurrentUser() { userId }: Principal): object {
    return { userId };
  }

  @Get('limited')
  @RateLimit({ name: 'parcels', quota: 1000, seconds: 3600, by: 'user' })
  limited(): object {
    return {};
  }

  @Get('wrapped')
  async wrapped(): Promise<object[]> {
    try {
      return await this.database.query`SELECT 1 AS one`;
    } catch (cause) {
      throw new Error('the parcels cannot be counted', { cause });
    }
  }

  @Get('of/:email')
  @RouteSchema({ params: Type.Object({ email: Type.String() }, { additionalProperties: false }) })
  async find(@Param('email') email: string): Promise<object> {
    return { isKnown: (await this.users.find({ email })) !== null };
  }

  @Post()
  @RouteSchema({ body: Type.Object({ id: Type.String({ format: 'uuid' }) }, { additionalProperties: false }) })
  async send(@CurrentUser() { userId }: Principal, @Body() { id }: { id: string }): Promise<object> {
    await this.database.transaction(async (tx) => {
      await tx.execute`INSERT INTO parcels (id, user_id) VALUES (${id}::uuid, ${userId}::uuid)`;
      await this.audit.record(tx, { event: 'parcel_sent', by: 'system', userId, details: { id } });
      await this.users.setAppData(userId, { parcel: id }, { tx });
    });
    return { id };
  }

  @Sse('events')
  events(@Ended() ended: AbortSignal): Observable<MessageEvent> {
    return interval(20).pipe(
      map((data) => ({ data: String(data) })),
      takeUntil(fromEvent(ended, 'abort')),
    );
  }
}

@Module({ controllers: [ParcelsController], providers: [Counting] })
class ParcelsModule {}

const TABLE =
  'CREATE TABLE parcels (id uuid PRIMARY KEY, user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE)';

interface Outage {
  readonly app: TestApp;
  readonly proxy: TcpProxy;
}

/** An application with routes of its own, whose database is behind a proxy. */
async function startBehindProxy(): Promise<Outage> {
  const databaseUrl = await createDatabase();
  await query(databaseUrl, TABLE);
  const proxy = await TcpProxy.start(new URL(databaseUrl));
  const app = await startApp({
    features: [ParcelsModule],
    databaseUrl: proxiedUrl(proxy, databaseUrl),
    changes: { rateLimits: 'on' },
    onRegistered: async (tx, { id }) => {
      await tx.execute`INSERT INTO parcels (id, user_id) VALUES (${id}::uuid, ${id}::uuid)`;
    },
  });
  return { app, proxy };
}

const outcome = ({ status, headers, body }: Answer): unknown =>
  status === 503 ? [status, body['code'], Number(headers.get('retry-after')) > 0] : [status, body['code']];
const UNAVAILABLE = [503, 'service_unavailable', true];

describe.each<[string, (proxy: TcpProxy) => void, (proxy: TcpProxy) => void]>([
  ['refuses connections', (proxy) => proxy.cut(), (proxy) => proxy.restore()],
  ['does not answer', (proxy) => proxy.hold('answers'), (proxy) => proxy.release()],
])('while the database %s', (_case, begin, end) => {
  it(
    'routes of an application that need it are 503, never 401, and leave nothing half done; others are served, and streams go on (FLT-01)',
    { timeout: 60_000 },
    async () => {
      const { app, proxy } = await startBehindProxy();
      const user = await app.signIn();
      const { token } = user;
      const sent: string[] = [];
      const send = async (): Promise<Answer> => {
        const id = randomUUID();
        const answer = await app.call('POST', '/v1/parcels', { token, json: { id } });
        if (answer.status === 201) sent.push(id);
        return answer;
      };
      expect((await send()).status).toBe(201);
      const stream = await fetch(`${app.url}/v1/parcels/events`, { headers: { authorization: `Bearer ${token}` } });
      const reader = (stream.body as ReadableStream<Uint8Array>).getReader();
      const counting = app.nest.get(Counting, { strict: false });
      await expect.poll(() => counting.runs, { timeout: 10_000 }).toBeGreaterThan(0);

      begin(proxy);
      const needing = [
        () => app.call('GET', '/v1/parcels', { token }),
        () => app.call('GET', '/v1/parcels/limited', { token }),
        () => app.call('GET', '/v1/parcels/wrapped', { token }),
        () => app.call('GET', `/v1/parcels/of/${user.email}`, { token }),
        () => app.register(`${randomUUID()}@example.com`),
        send,
      ];
      for (let turn = 0; turn < 3; turn++) {
        const answers = await Promise.all(needing.map((ask) => ask()));
        expect(answers.map(outcome)).toEqual(needing.map(() => UNAVAILABLE));
        expect((await app.call('GET', '/v1/parcels/plain', { token })).body).toEqual({ userId: user.userId });
        expect(outcome(await app.call('GET', '/v1/parcels', { token: `${token}x` }))).toEqual([401, 'token_invalid']);
        expect((await reader.read()).done).toBe(false);
      }
      const runs = counting.runs;
      await expect
        .poll(() => app.log().some((line) => line['chore'] === 'count parcels'), { timeout: 20_000 })
        .toBe(true);
      expect(counting.runs - runs).toBeLessThan(2);

      end(proxy);
      await expect.poll(async () => (await app.call('GET', '/health/ready')).status, { timeout: 10_000 }).toBe(200);
      for (const ask of needing) expect((await ask()).status).toBeLessThan(300);
      await expect.poll(() => counting.runs, { timeout: 20_000 }).toBeGreaterThan(runs + 1);
      expect((await reader.read()).done).toBe(false);
      await reader.cancel();
      const of = {
        text: 'SELECT id FROM parcels WHERE user_id = $1 AND id <> user_id ORDER BY id',
        values: [user.userId],
      };
      const rows = await app.query<{ id: string }>(of.text, of.values);
      // A commit whose answer was lost may be there beyond these.
      expect(rows.map(({ id }) => id)).toEqual(expect.arrayContaining(sent));
      const events = await app.query<{ id: string }>(
        `SELECT details ->> 'id' AS id FROM audit_events WHERE event = 'parcel_sent' ORDER BY 1`,
      );
      expect(events).toEqual(rows);
      const { appData } = (await app.nest.get(Users, { strict: false }).find({ id: user.userId })) ?? {};
      expect(rows).toContainEqual({ id: appData?.['parcel'] });
      expect(await app.query('SELECT FROM users WHERE id NOT IN (SELECT id FROM parcels)')).toEqual([]);
    },
  );
});
