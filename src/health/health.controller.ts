import { applyDecorators, Controller, Get } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { Type } from 'typebox';
import { Unlimited } from '../access/address-limit.js';
import { Public } from '../access/route-access.decorators.js';
import { routeConfig } from '../access/route-settings.js';
import { PrismaService } from '../database/prisma.service.js';
import { serviceUnavailable } from '../problems/framework.problems.js';
import { Freshness } from '../sessions/freshness.js';
import { KeyRing } from '../tokens/key-ring.js';
import { problemResponses } from '../wire/problem-responses.js';
import type { RouteQuery } from '../wire/screening.js';
import { Departure } from './departure.js';

const HealthView = Type.Object({ status: Type.Literal('ok') }, { title: 'HealthView', additionalProperties: false });

/** Whoever watches over the service asks: nobody's token, no limit, and whatever query their tool adds. */
const Probe = (): MethodDecorator =>
  applyDecorators(Public(), Unlimited(), routeConfig({ isQueryIgnored: true } satisfies RouteQuery));

@Controller('health')
export class HealthController {
  #asking: Promise<boolean> | undefined;

  constructor(
    private readonly prisma: PrismaService,
    private readonly freshness: Freshness,
    private readonly keyRing: KeyRing,
    private readonly departure: Departure,
  ) {}

  @Get('live')
  @Probe()
  @RouteSchema({
    summary: 'The process answers',
    operationId: 'isLive',
    tags: ['health'],
    response: { 200: HealthView },
  })
  live() {
    return { status: 'ok' };
  }

  @Get('serving')
  @Probe()
  @RouteSchema({
    summary: 'Guarded requests are answered',
    description:
      'For a proxy, or where there is one probe for all. Whatever the database does; 503 on a node that is about to leave, has no keys, or refuses because it hears of no revocations.',
    operationId: 'isServing',
    tags: ['health'],
    response: { 200: HealthView, ...problemResponses(serviceUnavailable) },
  })
  serving() {
    if (this.departure.isLeaving || this.freshness.isRefusing || !this.keyRing.canVerify) throw serviceUnavailable();
    return { status: 'ok' };
  }

  @Get('ready')
  @Probe()
  @RouteSchema({
    summary:
      'Everything works: the database takes writes, a key signs, the node hears of revocations and is not about to leave',
    operationId: 'isReady',
    tags: ['health'],
    response: { 200: HealthView, ...problemResponses(serviceUnavailable) },
  })
  async ready() {
    if (this.departure.isLeaving || this.freshness.isStale || !this.keyRing.canSign) throw serviceUnavailable();
    // However many ask at once, one statement runs.
    this.#asking ??= this.#takesWrites().finally(() => (this.#asking = undefined));
    if (!(await this.#asking)) throw serviceUnavailable({ cause: new Error('the database is read-only') });
    return { status: 'ok' };
  }

  /** A standby says that its transactions are read-only. */
  async #takesWrites(): Promise<boolean> {
    const [row] = await this.prisma.$queryRaw<{ isReadOnly: string }[]>`
      SELECT current_setting('transaction_read_only') AS "isReadOnly"`;
    return row?.isReadOnly === 'off';
  }
}
