import { applyDecorators, Controller, Get } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { Type } from 'typebox';
import { Unlimited, Public } from '../access/route-access.decorators.js';
import { routeConfig } from '../access/route-settings.js';
import { serviceUnavailable } from '../problems/http-status.problems.js';
import { problemResponses } from '../problems/problem-responses.js';
import type { RouteQuery } from '../http/path-and-query-checks.js';
import { HealthProbes } from './health-probe.js';

const HealthView = Type.Object({ status: Type.Literal('ok') }, { title: 'HealthView', additionalProperties: false });

/** For monitoring tools: without a token, without a rate limit, and with any query string that the tool adds. */
const ProbeRoute = (): MethodDecorator =>
  applyDecorators(Public(), Unlimited(), routeConfig({ isQueryIgnored: true } satisfies RouteQuery));

@Controller('health')
export class HealthController {
  constructor(private readonly probes: HealthProbes) {}

  @Get('live')
  @ProbeRoute()
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
  @ProbeRoute()
  @RouteSchema({
    summary: 'Guarded requests are answered',
    description:
      'For a proxy, or for a tool with only one probe. Independent of the database; 503 on a node that is shutting down, has no keys, or refuses tokens because it cannot read the revocations.',
    operationId: 'isServing',
    tags: ['health'],
    response: { 200: HealthView, ...problemResponses(serviceUnavailable) },
  })
  serving() {
    return this.probes.respondServing();
  }

  @Get('ready')
  @ProbeRoute()
  @RouteSchema({
    summary:
      'Everything works: the database takes writes, a key signs, the node reads the revocations and is not shutting down',
    operationId: 'isReady',
    tags: ['health'],
    response: { 200: HealthView, ...problemResponses(serviceUnavailable) },
  })
  ready() {
    return this.probes.respondReady();
  }
}
