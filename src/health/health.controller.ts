import { Controller, Get } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { Type } from 'typebox';
import { Unlimited } from '../access/address-limit.js';
import { Public } from '../access/route-access.decorators.js';
import { PrismaService } from '../database/prisma.service.js';
import { serviceUnavailable } from '../problems/framework.problems.js';
import { Freshness } from '../sessions/freshness.js';
import { problemResponses } from '../wire/problem-responses.js';
import { Departure } from './departure.js';

const HealthView = Type.Object({ status: Type.Literal('ok') }, { title: 'HealthView', additionalProperties: false });

@Controller('health')
export class HealthController {
  #ping: Promise<unknown> | undefined;

  constructor(
    private readonly prisma: PrismaService,
    private readonly freshness: Freshness,
    private readonly departure: Departure,
  ) {}

  @Get('live')
  @Public()
  @Unlimited()
  @RouteSchema({
    summary: 'The process answers',
    operationId: 'isLive',
    tags: ['health'],
    response: { 200: HealthView },
  })
  live() {
    return { status: 'ok' };
  }

  @Get('ready')
  @Public()
  @Unlimited()
  @RouteSchema({
    summary: 'The process and its database answer, it hears of revocations, and it is not about to leave',
    operationId: 'isReady',
    tags: ['health'],
    response: { 200: HealthView, ...problemResponses(serviceUnavailable) },
  })
  async ready() {
    if (this.freshness.isStale || this.departure.isLeaving) throw serviceUnavailable();
    // However many ask at once, one statement runs.
    this.#ping ??= this.prisma.$queryRaw`SELECT 1`.finally(() => (this.#ping = undefined));
    await this.#ping;
    return { status: 'ok' };
  }
}
